"""How a report is shown: to a person in a terminal, in a pull request's comment, and to a machine."""

from .diagram import mermaid
from .forms import schema
from .json_form import to_dict
from .markdown import markdown, marker
from .terminal import terminal

__all__ = ["markdown", "marker", "mermaid", "schema", "terminal", "to_dict"]
