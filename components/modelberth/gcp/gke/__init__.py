"""A model endpoint in a cluster of Google Kubernetes Engine, and the cluster where it is made for it."""
