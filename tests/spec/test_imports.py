"""The spec is plain: whoever only reads one loads neither Pulumi nor a cloud's SDK."""

import subprocess
import sys

import pytest

HEAVY = {
    "pulumi",
    "grpc",
    "pulumi_aws",
    "pulumi_gcp",
    "pulumi_azure_native",
    "pulumi_kubernetes",
    "onnxruntime",
    "numpy",
}


def loaded_by(module: str) -> set[str]:
    program = f"import sys, {module}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    return set(
        subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, text=True
        ).stdout.split()
    )


@pytest.mark.parametrize("module", ["modelberth.spec", "modelberth.errors", "modelberth.capabilities"])
def test_nothing_heavy_is_loaded(module: str) -> None:
    assert loaded_by(module) & HEAVY == set()


def test_the_measure_sees_a_heavy_import() -> None:
    assert "pulumi" in loaded_by("pulumi")
