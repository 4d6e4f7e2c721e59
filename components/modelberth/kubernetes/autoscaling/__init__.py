"""What changes the number of replicas."""
