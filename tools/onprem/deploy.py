"""`modelberth up` of the stack `onprem` on a site's cluster: the part that runs in the environment of .venv.

.venv/bin/python tools/environment.py -- python tools/onprem/deploy.py --kubeconfig FILE --image NAME@sha256:…
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))

from checkout import Checkout
from console import CommandError, exit_code
from onprem import foreground, project, provider
from onprem.project import STACK
from onprem.site import Site

__all__ = ["main"]


def main() -> int:
    """Deploy, keep what the stack exports of its endpoints, and return the exit code of `modelberth`."""
    parser = argparse.ArgumentParser(prog="deploy.py", description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--image", required=True, help="by digest, as the cluster's nodes have it")
    options = parser.parse_args()
    checkout = Checkout.here()
    site = Site.of(checkout)
    project.make(site.project, checkout.root, options.image)
    site.backend.mkdir(exist_ok=True)
    environ = {**os.environ, "PULUMI_BACKEND_URL": f"{site.backend.as_uri()}?metadata=skip"}
    choice = provider.choose(site.provider, environ)
    with provider.serving(choice, options.kubeconfig) as more:
        status = foreground.run(["modelberth", "up", "--stack", STACK], {**environ, **more}, site.project)
    if status == 0:
        site.endpoints.write_text(_exported(environ, site.project))
    return status


def _exported(environ: dict[str, str], folder: Path) -> str:
    command = ["pulumi", "stack", "output", "endpoints", "--json", "--stack", STACK, "--non-interactive"]
    done = subprocess.run(command, env=environ, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CommandError(f"`{' '.join(command)}` ended with code {done.returncode}: {done.stderr.strip()}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(exit_code(main))
