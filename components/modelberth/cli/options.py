"""What the commands have in common: their options and where they print."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

StackName = Annotated[
    str, typer.Option("--stack", "-s", envvar="MODELBERTH_STACK", help="Name of the stack.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON, for machines.")]
PriceFile = Annotated[
    Path | None,
    typer.Option(
        "--prices", envvar="MODELBERTH_PRICES", help="Price file. Unset: the newer of the project's and ours."
    ),
]

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)
