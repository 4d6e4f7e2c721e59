"""Weights beside the model are read from the package's verified bytes, and from nowhere else."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from modelberth_server.errors import ModelError
from modelberth_server.model import external_data
from modelberth_server.model.external_data import external_locations
from modelberth_server.model.package import Package
from modelberth_server.model.session import open_session
from serving.model_sources import sha256, write_package
from serving.models import onnx_model

WEIGHTS = np.arange(8, dtype=np.float32).reshape(4, 2)


def external(location: str | None, **entries: Any) -> TensorProto:
    tensor = numpy_helper.from_array(WEIGHTS, "w")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    named = {} if location is None else {"location": location}
    for key, value in (named | {"offset": "0", "length": "32"} | entries).items():
        tensor.external_data.add(key=key, value=value)
    return tensor


def matmul(location: str | None, **entries: Any) -> bytes:
    model = onnx_model(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        [("x", TensorProto.FLOAT, [None, 4])],
        [("y", TensorProto.FLOAT, [None, 2])],
    )
    model.graph.initializer.append(external(location, **entries))
    return model.SerializeToString()


def run(package: Package) -> Any:
    return open_session(package, 1).run(None, {"x": np.ones((1, 4), np.float32)})[0]


@pytest.mark.parametrize("name", ["weights.bin", "more/weights.bin"])
def test_a_listed_file_holds_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    folder = tmp_path / "package"
    pin = write_package(folder, {"model.onnx": matmul(name), name: WEIGHTS.tobytes()})
    package = Package.read(folder, pin)
    assert dict(package.external) == {name: WEIGHTS.tobytes()}
    # Other weights under the same name, where ONNX Runtime would look by itself.
    monkeypatch.chdir(tmp_path)
    for decoy in (tmp_path / name, folder / name):
        decoy.parent.mkdir(exist_ok=True)
        decoy.write_bytes((WEIGHTS + 100).tobytes())
    np.testing.assert_array_equal(run(package), [[12, 16]])


LOCATIONS = [
    "../weights.bin",
    "more/../../weights.bin",
    "./weights.bin",
    "/etc/hostname",
    "//etc/hostname",
    "weights.bin/",
    "unlisted.bin",
    "",
    "*/_ORT_MEM_ADDR_/*",
    "file:///etc/hostname",
    "C:\\weights.bin",
    "weights.bin\0",
]


@pytest.mark.parametrize("location", LOCATIONS)
def test_every_other_place_is_refused(tmp_path: Path, location: str) -> None:
    folder = tmp_path / "package"
    for path in (tmp_path / "weights.bin", folder / "unlisted.bin"):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(WEIGHTS.tobytes())
    pin = write_package(folder, {"model.onnx": matmul(location), "weights.bin": WEIGHTS.tobytes()})
    with pytest.raises(ModelError, match=r"that modelberth.json does not list \(external data: "):
        Package.read(folder, pin)


def test_a_link_out_of_the_package_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "package"
    pin = write_package(folder, {"model.onnx": matmul("w.bin"), "w.bin": WEIGHTS.tobytes()})
    (folder / "w.bin").rename(tmp_path / "w.bin")
    (folder / "w.bin").symlink_to("../w.bin")
    with pytest.raises(ModelError, match=r"is a link to .*outside"):
        Package.read(folder, pin)


def test_a_bare_file_has_none(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(matmul("weights.bin"))
    (tmp_path / "weights.bin").write_bytes(WEIGHTS.tobytes())
    with pytest.raises(ModelError, match=r"external data: 'weights.bin'.*make a package that lists them"):
        Package.read(path, sha256(path.read_bytes()))


def test_the_model_is_not_its_own_weights(tmp_path: Path) -> None:
    pin = write_package(tmp_path, {"model.onnx": matmul("model.onnx")})
    with pytest.raises(ModelError, match="names itself"):
        Package.read(tmp_path, pin)


@pytest.mark.parametrize(
    "entries", [{"offset": "-8"}, {"offset": "1"}, {"length": "64"}, {"offset": "9" * 30}]
)
def test_a_range_beyond_the_file_is_refused_by_the_engine(tmp_path: Path, entries: dict[str, str]) -> None:
    pin = write_package(tmp_path, {"model.onnx": matmul("w.bin", **entries), "w.bin": WEIGHTS.tobytes()})
    with pytest.raises(ModelError, match="can load: "):
        run(Package.read(tmp_path, pin))


def node(**content: Any) -> onnx.NodeProto:
    attribute = onnx.AttributeProto(name="value", **content)
    return onnx.NodeProto(op_type="Constant", output=["c"], attribute=[attribute])


HIDDEN = external("w.bin")
SPARSE = onnx.SparseTensorProto(values=HIDDEN)
GRAPH = onnx.GraphProto(initializer=[HIDDEN])
INNER = onnx.GraphProto(node=[node(g=GRAPH)])
DEFAULT = onnx.AttributeProto(name="value", t=HIDDEN)
ELSEWHERE = {
    "sparse initializer": ModelProto(graph=onnx.GraphProto(sparse_initializer=[SPARSE])),
    "sparse indices": ModelProto(
        graph=onnx.GraphProto(sparse_initializer=[onnx.SparseTensorProto(indices=HIDDEN)])
    ),
    "attribute": ModelProto(graph=onnx.GraphProto(node=[node(t=HIDDEN)])),
    "attribute list": ModelProto(graph=onnx.GraphProto(node=[node(tensors=[HIDDEN])])),
    "sparse attribute": ModelProto(graph=onnx.GraphProto(node=[node(sparse_tensor=SPARSE)])),
    "sparse attribute list": ModelProto(graph=onnx.GraphProto(node=[node(sparse_tensors=[SPARSE])])),
    "body of a loop": ModelProto(graph=INNER),
    "branches": ModelProto(graph=onnx.GraphProto(node=[node(graphs=[onnx.GraphProto(), GRAPH])])),
    "nested bodies": ModelProto(graph=onnx.GraphProto(node=[node(g=INNER)])),
    "function": ModelProto(functions=[onnx.FunctionProto(node=[node(t=HIDDEN)])]),
    "function default": ModelProto(functions=[onnx.FunctionProto(attribute_proto=[DEFAULT])]),
    "training": ModelProto(training_info=[onnx.TrainingInfoProto(initialization=GRAPH)]),
    "training algorithm": ModelProto(training_info=[onnx.TrainingInfoProto(algorithm=GRAPH)]),
}


def test_initializers_of_the_main_graph_may_have_external_data() -> None:
    assert external_locations(ModelProto(graph=GRAPH).SerializeToString()) == {"w.bin"}


def test_the_word_location_elsewhere_is_no_external_data() -> None:
    model = ModelProto(graph=onnx.GraphProto(initializer=[numpy_helper.from_array(WEIGHTS, "w")]))
    model.doc_string = "location"
    model.metadata_props.add(key="location", value="w.bin")
    model.graph.initializer[0].doc_string = "location"
    assert external_locations(model.SerializeToString()) == set()


def test_the_walk_knows_every_field_that_leads_to_a_tensor() -> None:
    """Compared with the message types of the installed `onnx`."""
    found: dict[str, dict[int, str]] = {}
    types = [ModelProto.DESCRIPTOR]
    reach: dict[str, bool] = {}

    def reaches_tensor(kind: Any) -> bool:
        if kind.name == "TensorProto":
            return True
        if kind.name not in reach:
            reach[kind.name] = False
            inner = [field.message_type for field in kind.fields if field.message_type]
            reach[kind.name] = any(map(reaches_tensor, inner))
        return reach[kind.name]

    while types:
        kind = types.pop()
        name = kind.name.removesuffix("Proto")
        if name in found or name == "Tensor":
            continue
        inner = [field for field in kind.fields if field.message_type and reaches_tensor(field.message_type)]
        found[name] = {field.number: field.message_type.name.removesuffix("Proto") for field in inner}
        types += [field.message_type for field in inner]
    assert found == external_data._FIELDS


@pytest.mark.parametrize("place", ELSEWHERE)
def test_only_initializers_of_the_main_graph_may_have_any(place: str) -> None:
    with pytest.raises(ValueError, match="only initializers may have any"):
        external_locations(ELSEWHERE[place].SerializeToString())


@pytest.mark.parametrize("names", [0, 2])
def test_a_tensor_names_exactly_one_file(names: int) -> None:
    tensor = external(None)
    for name in ["a.bin", "b.bin"][:names]:
        tensor.external_data.add(key="location", value=name)
    model = ModelProto(graph=onnx.GraphProto(initializer=[tensor]), doc_string="location")
    with pytest.raises(ValueError, match=f"names {names} files"):
        external_locations(model.SerializeToString())


def test_deep_nesting_costs_no_more_than_its_bytes() -> None:
    """Graphs in attributes of graphs, 20,000 deep."""
    data = external("w.bin").SerializeToString()
    data = bytes([5 << 3 | 2]) + varint(len(data)) + data
    for _ in range(20_000):
        for tag in (6 << 3 | 2, 5 << 3 | 2, 1 << 3 | 2):
            data = bytes([tag]) + varint(len(data)) + data
    with pytest.raises(ValueError, match="only initializers"):
        external_locations(bytes([7 << 3 | 2]) + varint(len(data)) + data)


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
