"""Physical names: the same words for the same endpoint, always, inside each service's name rules.

A create that was cut off and repeated must collide with what it left behind. A random suffix would
start a second, billed GPU instead (the engine repeats a create that it could not record).
"""

import hashlib
import re

from modelberth.errors import Problem, SpecError

_STACK_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_DIGEST_CHARACTERS = 8


def content_digest(text: str) -> str:
    """Return the first 8 hexadecimal digits of the text's sha256, for a name that follows from a content."""
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_CHARACTERS]


def physical_name(project: str, stack: str, endpoint: str, role: str = "", *, longest: int = 63) -> str:
    """Name of a resource: `project-stack-endpoint[-role]`, lower case, of letters, digits and hyphens.

    A name over `longest` characters (63: the DNS label, RFC 1035) keeps its beginning and ends in a
    digest of the whole, so that two long names stay two names.

    Raises:
        SpecError: the stack's name cannot stand in a resource name.
    """
    require_stack_name(stack)
    return shortened("-".join(part for part in (hyphenated(project), stack, endpoint, role) if part), longest)


def shortened(name: str, longest: int = 63) -> str:
    """Return the name, or its beginning and a digest of the whole where it has over `longest` characters."""
    if len(name) <= longest:
        return name
    digest = content_digest(name)
    return f"{name[: longest - len(digest) - 1].rstrip('-')}-{digest}"


def lettered(name: str) -> str:
    """Return the name, with `m-` before it where it begins with a digit.

    A Service's name begins with a letter (RFC 1035), a project's need not.
    """
    return f"m-{name}" if name[0].isdigit() else name


def require_stack_name(stack: str) -> None:
    """Refuse a stack name that the names of resources cannot hold.

    The engine would take `Dev_1`; most clouds would not take a resource named after it.
    """
    if not _STACK_NAME.fullmatch(stack):
        raise SpecError(
            Problem(
                path="stack",
                given=repr(stack),
                allowed="lower-case letters, digits and hyphens, beginning and ending with a letter or digit",
                hint="It becomes part of every resource's name. Rename it: `pulumi stack rename NEW`.",
            )
        )


def hyphenated(text: str) -> str:
    """Return the text in lower case, with a hyphen for everything but letters and digits."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
