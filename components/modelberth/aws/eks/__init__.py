"""A model endpoint in a cluster of Amazon EKS, and the cluster where it is made for it."""
