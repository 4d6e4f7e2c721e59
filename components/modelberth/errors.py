"""What a person is told when the input is wrong: which field, what was given, what is allowed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = [
    "HIDDEN",
    "Problem",
    "SpecError",
    "is_secret",
    "is_secret_assignment",
    "join",
    "named_by",
    "shown",
    "without_login",
]

HIDDEN = "a hidden value"
_LONGEST = 80
# A password may hold a slash that nobody escaped; a path with an @, such as an image's digest, is no login.
_LOGIN = re.compile(r"(?<=://)(?:[^\s/?#@]*|[^\s/?#@]*:[^\s@]*)@")
_SECRET = re.compile(
    r"secret|passw(or)?d|passphrase|token|credential|connection_?string|kubeconfig"
    r"|(api|access|account|private|shared|storage|primary|secondary|signing)_?keys?$",
    re.IGNORECASE,
)
_ASSIGNMENT = re.compile(r"(?:--?)?([A-Za-z_][\w.-]*)=")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with what a person wrote.

    `path` is the field as written in the stack's config (`endpoints[0].scaling.max`), `given` the value that
    was found there, `allowed` what would be accepted and `hint` an optional sentence with the way out.
    """

    path: str
    given: str
    allowed: str
    hint: str = ""

    def __str__(self) -> str:
        field = f"{self.path}: " if self.path else ""
        sentence = f"{field}given {self.given}, allowed: {self.allowed}"
        return f"{sentence}. {self.hint}" if self.hint else sentence

    def under(self, prefix: str) -> Problem:
        """Return the same problem, seen from a document that holds the field below `prefix`."""
        return Problem(join(prefix, self.path), self.given, self.allowed, self.hint)


class SpecError(ValueError):
    """Raised once for all problems of an input, so that a person can mend them in one go."""

    def __init__(self, *problems: Problem) -> None:
        if not problems:
            raise TypeError("SpecError needs at least one Problem")
        super().__init__(*problems)
        self.problems = problems

    def __str__(self) -> str:
        count = len(self.problems)
        lines = [
            f"{count} problem{'s' if count > 1 else ''}:",
            *(f"  {problem}" for problem in self.problems),
        ]
        return "\n".join(lines)


def join(prefix: str, path: str) -> str:
    """Join two config paths: `join("endpoints", "[0]")` is `endpoints[0]`, `join("a", "b")` is `a.b`."""
    if not prefix or not path:
        return prefix or path
    return f"{prefix}{path}" if path.startswith("[") else f"{prefix}.{path}"


def is_secret(path: str) -> bool:
    """Tell whether the name of a field, known or not, lets expect a secret: its value is then not shown."""
    return _SECRET.search(path.rpartition(".")[2].replace("-", "_")) is not None


def named_by(key: str, beside: Mapping[str, object]) -> str:
    """The name that a field's value goes by: its own, or in `{name: TOKEN, value: …}` the one beside it."""
    if key.lower() != "value":
        return key
    names = (name for other, name in beside.items() if str(other).lower() in ("name", "key"))
    return next((name for name in names if isinstance(name, str)), key)


def is_secret_assignment(text: str) -> bool:
    """Tell whether a text such as `TOKEN=…` or `--token=…` lets expect a secret in what it gives."""
    assigned = _ASSIGNMENT.match(text)
    return assigned is not None and is_secret(assigned[1])


def shown(value: object) -> str:
    """Write a value as YAML does, shortened, and without what may be secret.

    A list or a mapping is only named, because a secret may lie anywhere in it; of a URL the user information
    and the query are left out.
    """
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case str():
            text = re.sub(r"(?<=://)\S*@", "***@", value)
            if "://" in value:
                text = re.sub(r"\?.*", "?***", text, flags=re.DOTALL)
            return repr(text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…")
        case Mapping():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case int() | float():
            return str(value)
        case _:
            return f"something that is a {type(value).__name__}"


def without_login(text: str) -> str:
    """The text with the login of each URL in it hidden: `postgres://***@host/db`."""
    return _LOGIN.sub("***@", text)
