"""What a reviewer asks of an endpoint, answered from its resources as they will be."""

from .answers import Answers, answers

__all__ = ["Answers", "answers"]
