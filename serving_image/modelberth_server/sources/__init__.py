"""Where model files come from when they are not on this machine."""
