"""Endpoints in a Kubernetes cluster that exists: manifests as pure functions, and what registers them."""
