import contextlib
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter

from modelberth.errors import SpecError
from modelberth.spec import Amount, Bytes, Cpu, Duration
from modelberth.spec.quantities import Quantity

KINDS: list[type[Quantity]] = [Amount, Bytes, Cpu, Duration]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("512Mi", 512 * 1024**2),
        ("2Gi", 2 * 1024**3),
        ("1.5Gi", 3 * 1024**3 // 2),
        ("1M", 1_000_000),
        ("1k", 1000),
        ("1500", 1500),
        (1500, 1500),
        (1500.0, 1500),
        (" 1Ki ", 1024),
        (0, 0),
    ],
)
def test_bytes_reads(text: object, count: int) -> None:
    assert Bytes.parse(text) == count


@pytest.mark.parametrize(
    ("count", "text"),
    [(1024**3, "1Gi"), (1_000_000, "1M"), (1500, "1500"), (1536 * 1024**2, "1536Mi"), (0, "0"), (1000, "1k")],
)
def test_bytes_prints_the_shortest_exact_form(count: int, text: str) -> None:
    assert str(Bytes(count)) == text


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("250ms", 250),
        ("30s", 30_000),
        ("1.5s", 1500),
        ("15m", 900_000),
        ("1h30m", 5_400_000),
        ("7d", 604_800_000),
        ("1d2h3m4s5ms", 93_784_005),
        (30, 30_000),
        (0.1, 100),
        ("30", 30_000),
        (0, 0),
    ],
)
def test_duration_reads(text: object, milliseconds: int) -> None:
    assert Duration.parse(text).milliseconds == milliseconds
    assert Duration.parse(text).seconds == milliseconds / 1000


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(90_000, "1m30s"), (250, "250ms"), (86_400_000, "1d"), (5_400_000, "1h30m"), (0, "0s")],
)
def test_duration_prints(milliseconds: int, text: str) -> None:
    assert str(Duration(milliseconds)) == text


@pytest.mark.parametrize(
    ("text", "millicores"), [("500m", 500), (0.5, 500), ("0.5", 500), (2, 2000), ("2", 2000), (0.1, 100)]
)
def test_cpu_reads(text: object, millicores: int) -> None:
    assert Cpu.parse(text).millicores == millicores


@pytest.mark.parametrize(("millicores", "text"), [(500, "500m"), (2000, "2"), (1500, "1500m"), (0, "0")])
def test_cpu_prints(millicores: int, text: str) -> None:
    assert str(Cpu(millicores)) == text
    assert Cpu(millicores).cores == millicores / 1000


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        (1, Amount(1)),
        ("2", Amount(2)),
        ("25%", Amount(25, is_percent=True)),
        ("0%", Amount(0, is_percent=True)),
    ],
)
def test_amount_reads(text: object, amount: Amount) -> None:
    assert Amount.parse(text) == amount


@given(st.integers(min_value=0, max_value=2**63))
def test_every_size_survives_its_text(count: int) -> None:
    assert Bytes.parse(str(Bytes(count))) == count
    assert len(str(Bytes(count))) <= len(str(count))


@given(st.integers(min_value=0, max_value=10**13))
def test_every_duration_survives_its_text(milliseconds: int) -> None:
    assert Duration.parse(str(Duration(milliseconds))) == Duration(milliseconds)


@given(st.integers(min_value=0, max_value=10**9))
def test_every_share_survives_its_text(millicores: int) -> None:
    assert Cpu.parse(str(Cpu(millicores))) == Cpu(millicores)


@given(st.integers(min_value=0, max_value=100), st.booleans())
def test_every_amount_survives_its_text(count: int, is_percent: bool) -> None:
    assert Amount.parse(str(Amount(count, is_percent))) == Amount(count, is_percent)


@given(st.text() | st.floats() | st.integers() | st.none() | st.booleans() | st.lists(st.integers()))
def test_whatever_is_given_is_read_or_refused(value: object) -> None:
    for kind in KINDS:
        with contextlib.suppress(SpecError):
            read = kind.parse(value)
            assert kind.parse(str(read)) == read


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        (Bytes, "512m", "Did you mean `512Mi` (binary) or `512M` (decimal)?"),
        (Bytes, "1KB", "Did you mean `1Ki` (binary) or `1k` (decimal)?"),
        (Bytes, "12x", "allowed: a size such as 512Mi"),
        (Bytes, "1.0001Ki", "whole number of bytes"),
        (Bytes, -1, "not negative"),
        (Bytes, True, "given true"),
        (Bytes, None, "given nothing"),
        (Duration, "5x", "a duration such as"),
        (Duration, "30m1h", "a duration such as"),
        (Duration, "0.0001s", "no finer than 1ms"),
        (Duration, "", "given ''"),
        (Duration, -1, "a duration such as"),
        (Duration, float("nan"), "a duration such as"),
        (Cpu, "0.5m", "no finer than 1m"),
        (Cpu, -2, "not negative"),
        (Cpu, "two", "cores such as"),
        (Amount, "101%", "up to 100%"),
        (Amount, 1.5, "a whole number from 0 to 1000"),
        (Amount, "-1", "a whole number"),
        (Amount, 1001, "a whole number"),
    ],
)
def test_refusals_say_what_is_allowed(kind: type[Quantity], value: object, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        kind.parse(value)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Bytes(-1),
        lambda: Duration(-1),
        lambda: Cpu(-1),
        lambda: Amount(-1),
        lambda: Amount(101, is_percent=True),
    ],
)
def test_an_impossible_quantity_cannot_be_made(make: object) -> None:
    with pytest.raises(SpecError):
        make()  # type: ignore[operator]


def test_quantities_compare_in_their_unit() -> None:
    assert Duration.parse("90s") > Duration.parse("1m")
    assert Cpu.parse("500m") < Cpu.parse(1)
    assert Bytes.parse("1Mi") > 1_000_000


class _Holder(BaseModel):
    size: Bytes
    time: Duration
    share: Cpu
    amount: Amount


def test_models_hold_quantities_and_write_them_as_text() -> None:
    holder = _Holder.model_validate({"size": "1Gi", "time": "15m", "share": "500m", "amount": "25%"})
    assert isinstance(holder.size, Bytes)
    assert json.loads(holder.model_dump_json()) == {
        "size": "1Gi",
        "time": "15m",
        "share": "500m",
        "amount": "25%",
    }
    assert _Holder.model_validate(holder.model_dump()) == holder


@pytest.mark.parametrize("kind", KINDS)
def test_json_schema_has_a_pattern_that_agrees_with_the_reader(kind: type[Quantity]) -> None:
    schema = TypeAdapter(kind).json_schema()
    text = schema["anyOf"][0]
    accepts = TypeAdapter(str)
    for example in schema["examples"]:
        kind.parse(example)
        if isinstance(example, str):
            assert re.search(text["pattern"], accepts.validate_python(example))
    assert len(schema["examples"]) >= 2
