"""The package's public names, and what importing it costs."""

import subprocess
import sys

import modelberth


def test_the_surface_is_sorted_complete_and_real() -> None:
    assert modelberth.__all__ == sorted(modelberth.__all__)
    assert set(modelberth.__all__) == set(modelberth._HOMES)
    assert dir(modelberth) == modelberth.__all__
    for name in modelberth.__all__:
        assert getattr(modelberth, name) is not None
    assert len(modelberth.__all__) == 89


def test_no_cloud_is_imported_and_the_supervisor_needs_not_even_pulumi() -> None:
    program = """
import sys
import modelberth.local.supervisor
assert not [m for m in sys.modules if m.partition(".")[0] in ("pulumi", "pydantic", "grpc", "httpx")]
clouds = ("modelberth.aws.", "modelberth.gcp.")
of_clouds = [name for name, home in modelberth._HOMES.items() if home.startswith(clouds)]
for name in modelberth.__all__:
    if name not in of_clouds:
        getattr(modelberth, name)
assert of_clouds and "pulumi" in sys.modules and "pydantic" in sys.modules
heavy = ("pulumi_", "boto", "google.cloud", "azure", "onnxruntime", "numpy")
print([m for m in sys.modules if m.startswith(heavy)])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
