"""Targets that are like another one: its rows, with their own in place of some."""

from typing import Any

import pytest

from modelberth.capability_table import captured, load, paths, read


def table(**eks: Any) -> Any:
    """The table of the repository, with an entry for EKS."""
    import tomllib  # noqa: PLC0415

    from modelberth.capability_table import TABLE  # noqa: PLC0415

    data = tomllib.loads(TABLE.read_text())
    data["targets"]["eks"] = {"like": "kubernetes", "status": "available", **eks}
    return read(data)["eks"]


def test_what_a_cluster_honours_is_honoured_in_eks() -> None:
    differs = {
        path: (str(load()["kubernetes"].row(path)), str(load()["eks"].row(path)))
        for path in paths()
        if load()["kubernetes"].row(path) != load()["eks"].row(path)
    }
    assert differs.keys() == {"budget", "budget.monthly_usd", "budget.alert_percent", "security.key"}
    assert differs["security.key"] == ("no", "yes")
    assert captured()


def test_a_row_of_its_own_takes_the_place_of_any_other() -> None:
    found = table(refused={"model.format": "it has no formats"}, honoured=["scaling.metric"])
    assert found.row("model.format").is_refused
    assert found.row("scaling.metric").values == ()
    assert found.row("model.scheme").values == load()["kubernetes"].row("model.scheme").values  # type: ignore[union-attr]


def test_an_entry_still_names_nothing_twice_and_nothing_unknown() -> None:
    with pytest.raises(ValueError, match=r"has two rows: model\.format"):
        table(refused={"model.format": "no"}, honoured=["model.format"])
    with pytest.raises(ValueError, match=r"no field of the spec: model\.colour"):
        table(honoured=["model.colour"])
