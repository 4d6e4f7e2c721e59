"""A real Kubernetes on one machine, for tests: its programs, its start and its end."""
