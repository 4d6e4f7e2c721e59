"""Where nodes pull images from, and a registry inside the cluster."""
