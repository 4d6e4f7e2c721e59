"""The guide's blocks do what it says."""

import re
from typing import Any

import yaml

from modelberth.runtime_table import runtimes
from modelberth.runtimes import Route, container, refusals
from support.project import REPOSITORY

from .test_containers import spec_of

GUIDE = (REPOSITORY / "docs" / "runtimes.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    (text,) = re.findall(rf"(?ms)^```{language}\n(.*?)^```$", GUIDE)
    assert isinstance(text, str)
    return text


def test_the_yaml_is_a_runtime() -> None:
    given: dict[str, Any] = yaml.safe_load(block("yaml"))
    found = container(spec_of("vllm", **given))
    assert found.args[-3:] == ("--max-num-seqs=64", *given["runtime"]["args"])


def test_the_python_gives_what_its_comments_say() -> None:
    namespace: dict[str, Any] = {"spec": spec_of("tensorflow-serving")}
    exec(block("python"), namespace)
    assert namespace["container"] is container
    assert namespace["refusals"] is refusals
    (said,) = re.findall(r"# (Route\(.*\))$", block("python"), re.MULTILINE)
    assert container(namespace["spec"]).ready == eval(said, {"Route": Route})


def test_the_table_names_engines_and_the_formats_that_they_take() -> None:
    rows = re.findall(r"^\| [^|]+ \| ([^|]+) \| `([a-z-]+)` \|$", GUIDE, re.MULTILINE)
    assert [engine for _, engine in rows] == list(runtimes())
    for formats, engine in rows:
        assert set(re.findall(r"`([a-z]+)`", formats)) <= {*runtimes()[engine].formats}
