"""Schemathesis against a running server, by the description that it gives of itself."""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from serving.processes import ServerProcess

CHECKS = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance"),
    *("response_schema_conformance", "unsupported_method", "allow_header_conformance"),
)
# Whatever fits the schema is accepted, and nothing else; only for models without integers, for JSON Schema
# calls 1.0 one too.
EXACT = ("positive_data_acceptance", "negative_data_rejection")


@dataclass(frozen=True)
class Outcome:
    """What a run found: its exit status, operations and cases, and what it printed."""

    status: int
    operations: int
    cases: int
    output: str


def attack(server: ServerProcess, folder: Path, examples: int, seed: int, *, exact: bool) -> Outcome:
    """Send so many examples to each operation, and what the schema's corners are."""
    command = [
        str(Path(sys.executable).with_name("st")),
        *("run", f"{server.url}/openapi.json"),
        *("--checks", ",".join((*CHECKS, *EXACT) if exact else CHECKS)),
        *("--phases", "examples,coverage,fuzzing"),
        *("--max-examples", str(examples), "--seed", str(seed)),
        *("--suppress-health-check", "all", "--continue-on-failure", "--no-color"),
        *("--generation-database", "none"),
    ]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    output = run.stdout + run.stderr
    tested, cases = re.search(r"Tested: (\d+)", output), re.search(r"(\d+) generated", output)
    return Outcome(run.returncode, int(tested[1]) if tested else 0, int(cases[1]) if cases else 0, output)
