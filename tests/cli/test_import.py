"""The command starts without what only some of its work needs."""

import subprocess
import sys


def test_it_imports_neither_pulumi_nor_grpc() -> None:
    program = "import sys, modelberth.cli; print(*sorted({'pulumi', 'grpc', 'jinja2'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
    both = subprocess.run(
        [sys.executable, "-c", program.replace("modelberth.cli", "modelberth.preview.standins.server")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert both.stdout.split() == ["grpc", "pulumi"], "the check would not see them"
