"""What a change of a provider's own configuration does: some are taken over, some replace the provider.

The engine replaces every resource of a provider that is replaced, the default one too. Sources, of 2026:

* pulumi-aws (`provider/resources.go`): `region` has ForcesProviderReplace, and nothing else has;
  pulumi-terraform-bridge (`configDiffer`) replaces only where the last deployment had noted a value.
* pulumi-kubernetes (`DiffConfig`): another active cluster in the kubeconfig, or `renderYamlToDirectory`;
  where `clusterIdentifier` is given, that alone.
* pulumi-gcp, pulumi-azure-native, pulumi-aws-native: nothing. What is deployed stays in its project and
  place, which the providers take from the state before they take it from the configuration
  (`GetProjectFromDiff` of the Google provider, `applyDefaults` of azure-native).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import yaml

from modelberth.preview.standins.backend import Change, Difference
from modelberth.preview.standins.difference import compare
from modelberth.preview.standins.sdk.types import ResourceType
from modelberth.preview.standins.values import plain
from modelberth.provider.resource import UNKNOWN, Properties

__all__ = ["difference", "moved"]

_REPLACING: Final[Mapping[str, frozenset[str]]] = {
    "aws": frozenset({"region"}),
    "kubernetes": frozenset({"renderYamlToDirectory"}),
}
_IDENTIFIER: Final = "clusterIdentifier"


def difference(package: str, old: Properties, new: Properties) -> Difference:
    """What differs between two configurations of a package's provider; never the old one deleted first."""
    olds, news = plain(old), plain(new)
    changed = [(path, kind, path.partition(".")[0].partition("[")[0]) for path, kind in compare(olds, news)]
    replacing = _replacing(package, olds, news)
    return Difference([Change(path, kind, replaces=key in replacing) for path, kind, key in changed])


def moved(
    type_: ResourceType, config: Properties, outputs: Properties, inputs: Properties
) -> Sequence[Change]:
    """What differs because a resource of pulumi-aws 7 follows its provider to another region.

    Its `region` is filled in from the provider, and a change of it replaces (`forceNewIfRegionChanges`). This
    tells a move where the provider itself did not note the region that it was deployed in.
    """
    if type_.package.name != "aws" or "region" not in type_.inputs or inputs.get("region") is not None:
        return ()
    before, after = plain(outputs.get("region")), plain(config.get("region"))
    if not before or not after or after == UNKNOWN or before == after:
        return ()
    return (Change("region", replaces=True, from_inputs=False),)


def _replacing(package: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> frozenset[str]:
    """The properties whose change replaces, given these two configurations."""
    replacing = _REPLACING.get(package, frozenset())
    if package == "kubernetes":
        if old.get(_IDENTIFIER) or new.get(_IDENTIFIER):
            return frozenset({_IDENTIFIER})
        unknown = new.get("kubeconfig") == UNKNOWN
        if unknown or _active_cluster(old) != _active_cluster(new):
            return frozenset(old) | frozenset(new)
        return replacing
    return replacing & frozenset(key for key, value in old.items() if value is not None)


def _active_cluster(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The cluster that a kubeconfig given as text leads to; empty where that cannot be told."""
    kubeconfig = _parsed(config.get("kubeconfig"))
    context = _named(
        kubeconfig, "contexts", "context", config.get("context") or kubeconfig.get("current-context")
    )
    name = config.get("cluster") or context.get("cluster")
    return _named(kubeconfig, "clusters", "cluster", name) if context else {}


def _parsed(kubeconfig: Any) -> Mapping[str, Any]:
    try:
        # Text with a tab or the path of a file is no mapping.
        parsed = yaml.safe_load(kubeconfig) if isinstance(kubeconfig, str) else kubeconfig
    except yaml.YAMLError:
        return {}
    return parsed if isinstance(parsed, Mapping) else {}


def _named(kubeconfig: Mapping[str, Any], section: str, key: str, name: Any) -> Mapping[str, Any]:
    """The entry of that name in a section of a kubeconfig."""
    entries = kubeconfig.get(section)
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, Mapping) and entry.get("name") == name and isinstance(entry.get(key), Mapping):
            found: Mapping[str, Any] = entry[key]
            return found
    return {}
