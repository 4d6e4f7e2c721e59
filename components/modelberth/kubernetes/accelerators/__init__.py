"""GPUs: which there are, how a pod gets them, and nodes that have them."""
