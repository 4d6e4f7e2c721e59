"""The table of kinds that a plain cluster does not have, against the manifests that use them."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import modelberth
from modelberth.kubernetes.crds import TABLE, api_version, kinds

PACKAGE = Path(modelberth.__file__).parent
# Of Kubernetes itself, written out where they are used.
BUILT_IN = {
    "client.authentication.k8s.io/v1beta1",
    "metrics.k8s.io/v1beta1",
    "networking.k8s.io/v1",
    "node.k8s.io/v1",
    "rbac.authorization.k8s.io/v1",
    "resource.k8s.io/v1",
    "scheduling.k8s.io/v1",
    "storage.k8s.io/v1",
}
VERSION = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+/v[1-9][0-9]*((alpha|beta)[1-9][0-9]*)?")


def modules(package: Path) -> Iterator[ast.Module]:
    for path in sorted((package / "kubernetes").rglob("*.py")):
        yield ast.parse(path.read_text(encoding="utf-8"))


def words_in(module: ast.Module) -> set[str]:
    """The texts that a module writes out."""
    return {
        node.value
        for node in ast.walk(module)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def asks(module: ast.Module) -> bool:
    """Whether a module looks up the version of a kind."""
    return any(isinstance(node, ast.Name) and node.id == "api_version" for node in ast.walk(module))


def versions_in(module: ast.Module) -> Iterator[str]:
    """The versions of kinds that a module writes out by itself."""
    yield from (word for word in words_in(module) if VERSION.fullmatch(word))


def test_no_kind_is_in_the_table_that_no_manifest_is_written_of() -> None:
    words = [words_in(module) for module in modules(PACKAGE) if asks(module)]
    unused = [kind for kind in kinds() if not any(kind in some for some in words)]
    assert unused == []
    assert len(kinds()) >= 12


def test_versions_of_others_are_written_nowhere_but_in_the_table() -> None:
    found = {version for module in modules(PACKAGE) for version in versions_in(module)}
    assert found <= BUILT_IN, "look it up by api_version(KIND), with the kind in crds.toml"
    assert "networking.k8s.io/v1" in found


def test_what_is_looked_for_would_be_found() -> None:
    module = ast.parse('a = api_version("RayService")\nb = {"apiVersion": "ray.io/v1", "x": "a.b/v"}\n')
    assert asks(module)
    assert "RayService" in words_in(module)
    assert not asks(ast.parse("kind = 'RayService'"))
    assert list(versions_in(module)) == ["ray.io/v1"]


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_each_kind_tells_where_it_comes_from(kind: str) -> None:
    entry = kinds()[kind]
    assert VERSION.fullmatch(api_version(kind))
    project = entry.project
    assert re.fullmatch(r"v[0-9]+\.[0-9]+\.[0-9]+", project.release)
    assert re.fullmatch(r"[a-z0-9.-]+\.[a-z]+(/[A-Za-z0-9._-]+)+", project.module)
    assert project.files.endswith(".yaml")
    assert project.install.startswith("https://")
    assert project.title


def test_no_project_is_left_without_a_kind() -> None:
    projects = set(tomllib.loads(TABLE.read_text(encoding="utf-8"))["projects"])
    assert {entry.project.name for entry in kinds().values()} == projects


def test_a_kind_that_is_not_in_the_table_is_an_error() -> None:
    with pytest.raises(KeyError, match="Unheard"):
        api_version("Unheard")
