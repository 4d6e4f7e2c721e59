"""A model on this machine is a file or a package; what is served is a verified copy."""

import hashlib
import shutil
from pathlib import Path

import pytest

from modelberth.local.run_directory import RunDirectory
from modelberth.provider import model_file
from modelberth.provider.resource import ResourceError
from support.project import REPOSITORY

PACKAGE = REPOSITORY / "models" / "text-classification" / "package"
IRIS = REPOSITORY / "models" / "iris" / "model.onnx"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return shutil.copytree(PACKAGE, tmp_path / "package")


def test_a_package_is_found_pinned_and_kept_whole(package: Path, tmp_path: Path) -> None:
    found = model_file.find("package", tmp_path)
    digest = model_file.sha256(found)
    assert digest == hashlib.sha256((package / "modelberth.json").read_bytes()).hexdigest()
    directory = RunDirectory(tmp_path / "run")
    directory.create()
    kept = model_file.keep(found, digest, directory.model(digest, package=True))
    files = {
        path.relative_to(kept).as_posix(): path.read_bytes() for path in kept.rglob("*") if path.is_file()
    }
    assert set(files) == {"modelberth.json", *_listed(package)}
    assert all((package / name).read_bytes() == data for name, data in files.items())
    assert model_file.refusal(kept, digest) == ""
    # Edited afterwards, it is still what was checked.
    (package / "model.onnx").write_bytes(b"other")
    assert model_file.keep(found, digest, kept) == kept
    assert (kept / "model.onnx").read_bytes() == files["model.onnx"]


def test_the_server_names_the_file_of_a_package_that_is_another_one(package: Path) -> None:
    (package / "model.onnx").write_bytes(IRIS.read_bytes())
    refused = model_file.refusal(package, model_file.sha256(package))
    assert "model.onnx" in refused
    assert "sha256" in refused


def test_a_folder_without_a_manifest_is_refused(package: Path, tmp_path: Path) -> None:
    (package / "modelberth.json").unlink()
    with pytest.raises(ResourceError, match=r"without modelberth\.json"):
        model_file.find("package", tmp_path)


def test_only_the_models_in_use_stay(package: Path, tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path / "run")
    directory.create()
    digest = model_file.sha256(package)
    kept = model_file.keep(package, digest, directory.model(digest, package=True))
    iris = model_file.sha256(IRIS)
    file = model_file.keep(IRIS, iris, directory.model(iris))
    directory.keep_only_model(iris)
    assert (kept.exists(), file.exists()) == (False, True)


def _listed(package: Path) -> set[str]:
    return {path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file()} - {
        "modelberth.json"
    }
