"""Pods that serve: what each is made of, and what runs them."""
