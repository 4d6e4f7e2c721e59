"""How a model comes to a pod."""
