"""The committed modules of the .proto are what the locked compiler makes of it."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCES = REPOSITORY / "serving_image"
PROTO = SOURCES / "modelberth_server" / "grpc_v2" / "inference.proto"
COMMAND = (
    "python -m grpc_tools.protoc -I serving_image --python_out=serving_image --pyi_out=serving_image "
    "serving_image/modelberth_server/grpc_v2/inference.proto"
)


def compile_proto(source: Path, proto: Path, folder: Path) -> dict[str, bytes]:
    subprocess.run(
        [
            sys.executable,
            *("-m", "grpc_tools.protoc", "-I", source),
            *(f"--python_out={folder}", f"--pyi_out={folder}", proto),
        ],
        check=True,
    )
    return {path.name: path.read_bytes() for path in folder.rglob("*_pb2.py*")}


def test_the_committed_modules_are_compiled_from_the_proto(tmp_path: Path) -> None:
    made = compile_proto(SOURCES, PROTO, tmp_path)
    assert set(made) == {"inference_pb2.py", "inference_pb2.pyi"}
    for name, data in made.items():
        if data != PROTO.with_name(name).read_bytes():
            pytest.fail(f"{name} is not what {PROTO.name} gives; in the repository's root run\n{COMMAND}")


def test_a_changed_proto_gives_other_modules(tmp_path: Path) -> None:
    changed = tmp_path / "in" / "modelberth_server" / "grpc_v2" / "inference.proto"
    changed.parent.mkdir(parents=True)
    changed.write_text(PROTO.read_text().replace("bool live = 1;", "bool live = 2;"))
    folder = tmp_path / "out"
    folder.mkdir()
    made = compile_proto(tmp_path / "in", changed, folder)
    assert made["inference_pb2.py"] != PROTO.with_name("inference_pb2.py").read_bytes()
