"""Endpoints in Google Cloud, and the building blocks around them."""
