"""The stack `onprem` from nothing: a cluster on this machine, an endpoint in it, a prediction from a pod."""
