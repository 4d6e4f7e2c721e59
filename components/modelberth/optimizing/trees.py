"""Tree ensembles with fewer trees."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

import numpy as np
import onnx
from onnx import helper

from modelberth.optimizing.graph import nodes
from modelberth.optimizing.not_applicable import NotApplicableError

__all__ = ["remove_trees"]

# Operator → prefix of the attributes that tell of leaves.
_ENSEMBLES: Final = {"TreeEnsembleClassifier": "class_", "TreeEnsembleRegressor": "target_"}


def remove_trees(model: onnx.ModelProto, share: float) -> int:
    """Take the last trees out of each ensemble, in place; returns how many.

    Boosted trees correct those before them, so the last ones matter least. Of a forest any will do, and what
    the others say is weighed up. Ensembles with a tree for each class and round lose whole rounds.

    Args:
        model: the graph
        share: of each ensemble's trees, rounded down; one of each class stays

    Raises:
        NotApplicableError: an ensemble in a form that is not read here.

    """
    removed = 0
    for node in nodes(model.graph):
        if node.op_type == "TreeEnsemble":
            raise NotApplicableError(
                "TreeEnsemble of ai.onnx.ml 5 is not read; export with version 3 of that domain"
            )
        if node.op_type in _ENSEMBLES:
            removed += _shorten(node, share)
    return removed


def _shorten(node: onnx.NodeProto, share: float) -> int:
    options = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    if tensors := sorted(name for name in options if name.endswith("_as_tensor")):
        raise NotApplicableError(f"tree ensembles in double precision are not read ({tensors[0]})")
    prefix = _ENSEMBLES[node.op_type]
    trees = sorted(set(options["nodes_treeids"]))
    kept = _kept(trees, options, prefix, share)
    if len(kept) == len(trees):
        return 0
    weights = f"{prefix}weights"
    if _is_forest(node, options, prefix, len(trees)):
        options[weights] = [weight * len(trees) / len(kept) for weight in options[weights]]
    for part in ("nodes_", prefix):
        owners = options[f"{part}treeids"]
        for name, values in options.items():
            if name.startswith(part) and len(values) == len(owners):
                options[name] = [value for value, tree in zip(values, owners, strict=True) if tree in kept]
    del node.attribute[:]
    node.attribute.extend(helper.make_attribute(name, value) for name, value in sorted(options.items()))
    return len(trees) - len(kept)


def _kept(trees: list[int], options: dict[str, Any], prefix: str, share: float) -> set[int]:
    outputs: dict[int, set[int]] = {tree: set() for tree in trees}
    for tree, output in zip(options[f"{prefix}treeids"], options[f"{prefix}ids"], strict=True):
        outputs[tree].add(output)
    rounds: dict[frozenset[int], list[int]] = defaultdict(list)
    for tree in trees:
        rounds[frozenset(outputs[tree])].append(tree)
    return {tree for same in rounds.values() for tree in same[: max(1, len(same) - int(len(same) * share))]}


def _is_forest(node: onnx.NodeProto, options: dict[str, Any], prefix: str, count: int) -> bool:
    """Tell whether the sum of the trees is their mean, each weight having been divided by their number.

    Nothing in the file says so. A guess that is wrong shows in the metric, and the floor refuses it.
    """
    if options.get("base_values") or options.get("aggregate_function", b"SUM") != b"SUM":
        return False
    weights = np.array(options[f"{prefix}weights"])
    if node.op_type == "TreeEnsembleClassifier":  # of probabilities
        none = options.get("post_transform", b"NONE") == b"NONE"
        return none and bool((weights >= 0).all() and (weights <= (1 + 1e-5) / count).all())
    # Every tree of a forest speaks of the whole target; boosted ones, but the first, of what is left of it.
    owners = np.array(options[f"{prefix}treeids"])
    means = np.array([weights[owners == tree].mean() for tree in np.unique(owners)])
    return (
        bool((means > 0).all() or (means < 0).all()) and float(np.abs(means).max() / np.abs(means).min()) < 2
    )
