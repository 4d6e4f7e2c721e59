"""The `modelberth` command: a stack's way up and down, with a word for the person at each step."""

from modelberth.cli.main import main

__all__ = ["main"]
