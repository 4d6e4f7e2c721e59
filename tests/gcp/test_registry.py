"""The registry: what stays in it, who may pull, and that nobody else may."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pulumi
import pytest

from modelberth.gcp.registry import GcpRegistry, GcpRegistryArgs
from modelberth.gcp.registry_policy import cleanup
from support.gcp_blocks import ACCOUNT, EXISTING, KEY, PLACE, REPOSITORY, GcpRecorder, gcp, outputs_of, placed
from support.recording import run

__all__ = ["gcp"]

AGENT = PLACE.service_agent("serverless-robot-prod")
NODES = f"serviceAccount:{ACCOUNT}"
ARGS = GcpRegistryArgs(PLACE, "models", EXISTING, readers={"run": AGENT, "nodes": NODES})
DAY = 86_400


def registered(gcp: GcpRecorder, args: GcpRegistryArgs = ARGS) -> Any:
    run(gcp, lambda: GcpRegistry("models", args))
    return gcp.named("models-repository")


def deleted(images: Sequence[tuple[tuple[str, ...], int]], **arguments: Any) -> set[int]:
    """Indices of the images (tags, age in days; the newest first) that would be deleted by our policies."""
    policies = cleanup(**{"kept_tags": ("live*",), "kept": 2, "untagged_days": 14, **arguments})
    assert len({one["id"] for one in policies}) == len(policies) <= 10
    gone: set[int] = set()
    stays: set[int] = set()
    for one in policies:
        assert one["action"] in {"DELETE", "KEEP"}
        chosen = gone if one["action"] == "DELETE" else stays
        chosen |= {at for at, image in enumerate(images) if _matches(one, at, *image)}
    return gone - stays


def _matches(policy: Any, at: int, tags: tuple[str, ...], age: int) -> bool:
    if "most_recent_versions" in policy:
        return bool(at < policy["most_recent_versions"]["keep_count"])
    condition = policy["condition"]
    state = condition["tag_state"]
    # With `ANY` Artifact Registry looks at no beginnings: a policy that has both is a mistake.
    assert state in {"TAGGED", "UNTAGGED"}
    old = "older_than" not in condition or age * DAY > int(condition["older_than"].removesuffix("s"))
    begun = "tag_prefixes" not in condition or any(
        tag.startswith(tuple(condition["tag_prefixes"])) for tag in tags
    )
    return old and begun and bool(tags) == (state == "TAGGED")


def test_the_registry_is_one_repository_and_its_readers(gcp: GcpRecorder) -> None:
    made = registered(gcp, replace(ARGS, labels={"team": "iris"}))
    assert gcp.tree == [
        ("modelberth:index:GcpRegistry", "models", "shop-dev"),
        ("gcp:artifactregistry/repository:Repository", "models-repository", "models"),
        ("gcp:artifactregistry/repositoryIamMember:RepositoryIamMember", "models-reader-run", "models"),
        ("gcp:artifactregistry/repositoryIamMember:RepositoryIamMember", "models-reader-nodes", "models"),
    ]
    assert made.inputs["format"] == "DOCKER"
    assert made.inputs["mode"] == "STANDARD_REPOSITORY"
    assert made.inputs["repositoryId"] == "models"
    assert made.inputs["labels"] == {"team": "iris"}
    assert len(placed(gcp)) == 3
    assert outputs_of(gcp) == {"id": f"{PLACE.parent}/repositories/models", "url": REPOSITORY}


def test_g7_images_are_encrypted_by_the_key(gcp: GcpRecorder) -> None:
    """G7."""
    assert registered(gcp).inputs["kmsKeyName"] == KEY


def test_g9_a_tag_stays_what_it_is(gcp: GcpRecorder) -> None:
    """G9."""
    assert registered(gcp).inputs["dockerConfig"] == {"immutableTags": True}


def test_g9_images_are_scanned(gcp: GcpRecorder) -> None:
    """G9: the one value that scans."""
    assert registered(gcp).inputs["vulnerabilityScanningConfig"] == {"enablementConfig": "INHERITED"}


def test_g9_old_images_go(gcp: GcpRecorder) -> None:
    """G9: the policies are there, work, and are those that the rules below are tested with."""
    made = registered(gcp)
    assert made.inputs["cleanupPolicyDryRun"] is False
    assert made.inputs["cleanupPolicies"] == [
        {
            "id": "delete-untagged",
            "action": "DELETE",
            "condition": {"tagState": "UNTAGGED", "olderThan": "1209600s"},
        },
        {"id": "keep-newest", "action": "KEEP", "mostRecentVersions": {"keepCount": 10}},
        {"id": "keep-tags", "action": "KEEP", "condition": {"tagState": "TAGGED", "tagPrefixes": ["live"]}},
    ]


def test_what_has_a_tag_stays_and_what_has_none_goes() -> None:
    images = [((), 20), (("1.9",), 30), ((), 13), ((), 15), (("live-abc",), 900), ((), 900)]
    assert deleted(images) == {3, 5}
    assert deleted(images, kept=1) == {3, 5}
    assert deleted(images, kept=4) == {5}
    assert deleted(images, untagged_days=1) == {2, 3, 5}
    assert deleted(images, kept_tags=()) == {3, 5}


def test_without_kept_tags_no_policy_keeps_by_tags() -> None:
    assert [one["id"] for one in cleanup((), 1, 1)] == ["delete-untagged", "keep-newest"]
    (kept,) = [one for one in cleanup(("live*", "prod-*"), 1, 1) if one["id"] == "keep-tags"]
    assert kept["condition"] == {"tag_state": "TAGGED", "tag_prefixes": ["live", "prod-"]}


def test_g9_who_is_named_pulls_and_nobody_pushes(gcp: GcpRecorder) -> None:
    """G9: readers, one by one, and no policy that would take the place of others' grants."""
    registered(gcp)
    members = [one.inputs for one in gcp.of("RepositoryIamMember")]
    assert {one["role"] for one in members} == {"roles/artifactregistry.reader"}
    assert {one["member"] for one in members} == {AGENT, NODES}
    assert {one["repository"] for one in members} == {"models"}
    assert not gcp.of("RepositoryIamBinding") + gcp.of("RepositoryIamPolicy")


def test_without_readers_the_projects_iam_alone_decides(gcp: GcpRecorder) -> None:
    registered(gcp, replace(ARGS, readers={}))
    assert len(gcp.of("Repository")) == 1
    assert not gcp.of("RepositoryIamMember")


def test_a_reader_keeps_its_grant_when_another_goes(gcp: GcpRecorder) -> None:
    registered(gcp, replace(ARGS, readers={"nodes": NODES}))
    assert gcp.named("models-reader-nodes").inputs["member"] == NODES


def test_what_deploys_from_the_registry_comes_after_its_readers(gcp: GcpRecorder) -> None:
    class Taker(pulumi.CustomResource):
        def __init__(self, url: pulumi.Input[str]) -> None:
            super().__init__("test:index:Taker", "taker", {"url": url})

    def program() -> Taker:
        readers = {"run": AGENT, "made": pulumi.Output.from_input(NODES)}
        return Taker(GcpRegistry("models", replace(ARGS, readers=readers)).url)

    run(gcp, program)
    taker = gcp.named("taker")
    assert taker.inputs["url"] == REPOSITORY
    before = {one.rpartition("::")[2] for one in taker.dependencies}
    assert before == {"models-repository", "models-reader-run", "models-reader-made"}


def test_the_repository_is_protected_where_that_is_asked(gcp: GcpRecorder) -> None:
    assert registered(gcp, replace(ARGS, protect=True)).protect is True


def test_the_repository_can_go_where_nothing_is_asked(gcp: GcpRecorder) -> None:
    assert registered(gcp).protect is False


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"readers": {"all": "allUsers"}}, "readers.all"),
        ({"readers": {"run": AGENT, "all": "allAuthenticatedUsers"}}, "readers.all"),
        ({"readers": {"run": ACCOUNT}}, "readers.run"),
        ({"readers": {"Run": AGENT}}, "readers"),
        ({"repository": "models/server"}, "repository"),
        ({"repository": "Models"}, "repository"),
        ({"repository": "1models"}, "repository"),
        ({"repository": "models-"}, "repository"),
        ({"repository": "m" * 64}, "repository"),
        ({"kept": 0}, "kept"),
        ({"untagged_days": 0}, "untagged_days"),
        ({"kept_tags": ("live*", "latest")}, "kept_tags[1]"),
        ({"kept_tags": ("*",)}, "kept_tags[0]"),
        ({"kept_tags": ("l*ve*",)}, "kept_tags[0]"),
    ],
)
def test_g9_who_is_everybody_and_what_google_would_refuse_is_noticed(
    gcp: GcpRecorder, change: dict[str, Any], path: str
) -> None:
    """G9, the opposite: everybody as a reader; and names and numbers that Artifact Registry does not take."""
    args = replace(ARGS, **change)
    (found,) = args.problems()
    assert found.path == path
    with pytest.raises(pulumi.RunError):
        registered(gcp, args)
    assert not gcp.of("Repository")


def test_bounds_of_artifact_registry_are_allowed() -> None:
    for repository in ("m", "m" * 63):
        assert not [*replace(ARGS, repository=repository, kept=1, untagged_days=1).problems()]
