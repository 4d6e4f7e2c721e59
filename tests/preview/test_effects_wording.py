"""How values, times and names are written: short, plain, and without what may be secret."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.preview.effects import explain
from modelberth.preview.effects.explain import MODULES
from modelberth.preview.effects.wording import changes, code, listed, percent, span, value
from modelberth.preview.plan import Difference, Marker
from support.plans import plan, step

CANARY = "c4n4ry-v4lue"


@pytest.mark.parametrize(
    ("given_value", "path", "wanted"),
    [
        (1, "replicas", "1"),
        (True, "public", "true"),
        (None, "x", "nothing"),
        ("ml.g5.xlarge", "instanceType", "'ml.g5.xlarge'"),
        (Marker.SECRET, "x", "(secret)"),
        (Marker.UNKNOWN, "x", "(known after the update)"),
        (Marker.ABSENT, "x", "(unset)"),
        ("hunter2", "environment.variables.DB_PASSWORD", "(secret)"),
        ("https://me:pw@host/path?token=x", "uri", "'https://***@host/path?***'"),
        (f"registry/model@sha256:{'ab' * 32}", "image", "'registry/model@sha256:abababab…'"),
        ({"a": "b"}, "x", "a mapping"),
        (["a"], "x", "a list"),
        ("a`b\nc", "x", r"'a\'b\nc'"),
    ],
)
def test_values(given_value: Any, path: str, wanted: str) -> None:
    assert value(given_value, path).replace('"', "'") == wanted.replace(r"\'", "'")


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        (1, 2, "`p` 1 → 2"),
        (Marker.ABSENT, "a", "`p` (unset) → 'a'"),
        (Marker.SECRET, Marker.SECRET, "`p` (secret) → (secret)"),
        ("x" * 200, "y" * 200, "`p`"),
        ("x" * 200, Marker.UNKNOWN, "`p` → (known after the update)"),
        ("a\nb", "a\nc", "`p`"),
    ],
)
def test_changes(before: Any, after: Any, wanted: str) -> None:
    assert changes([Difference("p", before, after)]) == wanted


@pytest.mark.parametrize(
    ("items", "wanted"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (["a", "b", "c"], "a, b and c"),
        (list("abcde"), "a, b, c and 2 more"),
    ],
)
def test_lists(items: list[str], wanted: str) -> None:
    assert listed(items) == wanted


@pytest.mark.parametrize(
    ("seconds", "wanted"),
    [
        ((240, 540), "about 4 to 9 minutes"),
        ((600, 600), "about 10 minutes"),
        ((1, 1), "about 1 second"),
        ((10, 30), "about 10 to 30 seconds"),
        ((30, 120), "about 1 to 2 minutes"),
        ((93, 93), "about 2 minutes"),
    ],
)
def test_times(seconds: tuple[int, int], wanted: str) -> None:
    assert span(seconds) == wanted


def test_shares_have_no_needless_digits() -> None:
    assert [percent(share) for share in (50.0, 33.333, 0)] == ["50%", "33.3%", "0%"]


@given(st.text())
def test_a_name_cannot_end_its_mark_or_the_line(text: str) -> None:
    written = code(text)
    assert written[0] == written[-1] == "`"
    assert "`" not in written[1:-1]
    assert len(written.splitlines()) <= 1


_SHAPES = st.recursive(
    st.sampled_from([Marker.SECRET, Marker.UNKNOWN, Marker.ABSENT, None, True, 0, 1, "a", "*", "{", "[]"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                ["spec", "policy", "template", "ingress", "rules", "traffic", "containers", "from"]
            ),
            inner,
            max_size=2,
        )
    ),
    max_leaves=6,
)
_KEYS = st.sampled_from(
    [
        "spec",
        "policy",
        "template",
        "routingConfig",
        "productionVariants",
        "traffics",
        "trafficSplit",
        "member",
        "members",
        "configuration",
        "rules",
        "subjects",
        "roleRef",
        "policyData",
        "assumeRolePolicy",
        "ingress",
        "vpcConfig",
        "sku",
        "securityRules",
        "metadata",
        "scalingConfig",
        "encryptionConfigurations",
        "onlineEndpointProperties",
        "port",
        "networkRuleSet",
        "lifecycleRules",
        "allows",
        "sourceRanges",
    ]
)
_INPUTS = st.dictionaries(_KEYS, _SHAPES, max_size=4)
_TOKENS = sorted(
    {token.replace("*", "x").replace("[aA][mM]", "am") for module in MODULES for token in module.RULES}
)


@given(st.sampled_from(_TOKENS), st.none() | _INPUTS, st.none() | _INPUTS)
def test_inputs_of_any_shape_are_explained(token: str, before: Any, after: Any) -> None:
    changed = step(token, before, after)
    for effect in explain(plan(changed), None, [changed]):
        assert effect.sentence.endswith(".")
        assert "Marker" not in effect.sentence


@pytest.mark.parametrize("token", _TOKENS)
def test_no_value_of_a_secret_is_told(token: str) -> None:
    before = {"name": "a", "environment": {"API_TOKEN": CANARY, "dbPassword": CANARY}, "apiKeySecret": CANARY}
    after = {"name": "b", "environment": {"API_TOKEN": f"{CANARY}-2", "dbPassword": "x"}, "apiKeySecret": "y"}
    for sides in ((before, after), (None, after), (before, None)):
        changed = step(token, *sides)
        told = [effect.sentence for effect in explain(plan(changed), None, [changed])]
        assert told
        assert CANARY not in " ".join(told)
