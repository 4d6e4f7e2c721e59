"""Previews that explain themselves and need no credentials."""
