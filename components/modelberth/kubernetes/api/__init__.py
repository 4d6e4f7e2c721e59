"""A cluster's API server, as far as the provider and the stand-ins ask it."""
