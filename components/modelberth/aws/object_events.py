"""Objects in S3 that are predicted on as they come, and where the predictions go.

The server takes the events itself (`serving_image/README.md`): it reads the object, and writes the answer to
`OUTPUT/KEY.json`, in place of any that is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from modelberth.errors import Problem, join, shown

__all__ = ["ObjectEvents"]

# What IAM and S3's filters read as it stands: no asterisk, no dollar sign, nothing that an event encodes.
_FOLDER: Final = r"s3://[a-z0-9][a-z0-9-]{1,61}[a-z0-9]/([A-Za-z0-9_=-][A-Za-z0-9._=-]*/)+"


@dataclass(frozen=True, slots=True)
class ObjectEvents:
    """Two folders in S3, neither of which lies in the other.

    Attributes:
        input: whose new objects are predicted on, `s3://BUCKET/PREFIX/`
        output: below which predictions are written, `s3://BUCKET/PREFIX/`

    """

    input: str
    output: str

    @property
    def input_bucket(self) -> str:
        """Name of the bucket that tells of new objects."""
        return _parted(self.input)[0]

    @property
    def input_prefix(self) -> str:
        """What the keys of those objects begin with."""
        return _parted(self.input)[1]

    def problems(self, path: str) -> Iterator[Problem]:
        """Yield folders that cannot be told apart: every prediction would be an event, and predicted on."""
        for name, folder in (("input", self.input), ("output", self.output)):
            if re.fullmatch(_FOLDER, folder) is None:
                allowed = "s3://BUCKET/PREFIX/, of letters, digits and any of . _ = -"
                yield Problem(join(path, name), shown(folder), allowed, "The whole of a bucket is no folder.")
                return
        if self.output.startswith(self.input) or self.input.startswith(self.output):
            hint = "Each prediction would be a new object that is predicted on, for ever and at your expense."
            allowed = f"a folder that is not in {self.input} and does not hold it"
            yield Problem(join(path, "output"), shown(self.output), allowed, hint)


def _parted(folder: str) -> tuple[str, str]:
    bucket, _, prefix = folder.removeprefix("s3://").partition("/")
    return bucket, prefix
