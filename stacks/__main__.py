"""The program that `pulumi up` runs: the stack's config in, endpoints out."""

from compose import compose
from modelberth.arguments import clean_errors
from settings import load

with clean_errors():
    compose(load())
