"""Train the recommender, package it as one ONNX graph and write its model card.

`python models/recommendation/train.py` writes `package/` and `MODEL_CARD.md` beside this file; two runs with
the same libraries write the same bytes. `--check` trains again in memory and exits with 1 if the committed
package or card does not hold up.
"""

import csv
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from modelberth.packaging import Package, PackagingError, Trained, build

sys.path.append(str(Path(__file__).resolve().parents[1]))

from committed import Training, made_with, main

FOLDER = Path(__file__).resolve().parent
NAME, VERSION = "recommender", "1"
SEED = 0
HELD_OUT_SHARE = 0.2
TOP = 10
OPSET, IR_VERSION = 17, 8

Matrix = npt.NDArray[np.float64]
Seen = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Split:
    """Who took what, as matrices `[users, items]`; each user's interactions are in all three parts."""

    train: Seen
    validation: Seen
    held_out: Seen

    @classmethod
    def of_interactions(cls) -> "Split":
        """`data/interactions.csv`: a user and an item in each row, both counted from 0."""
        with (FOLDER / "data" / "interactions.csv").open(newline="", encoding="utf-8") as file:
            pairs = np.array([(int(row["user"]), int(row["item"])) for row in csv.DictReader(file)])
        shape = tuple(pairs.max(axis=0) + 1)
        parts = np.zeros((3, *shape), np.bool_)
        random = np.random.default_rng(SEED)
        for user in range(shape[0]):
            items = random.permutation(pairs[pairs[:, 0] == user, 1])
            count = max(1, round(HELD_OUT_SHARE * len(items)))
            for part, chosen in enumerate((items[2 * count :], items[count : 2 * count], items[:count])):
                parts[part, user, chosen] = True
        return cls(*parts)


@dataclass(frozen=True)
class Factors:
    """A user's score of an item is the product of the user's row and the item's column."""

    users: Matrix
    items: Matrix

    @classmethod
    def of_items_alike(cls, seen: Seen, shrinkage: float) -> "Factors":
        """Item-based: the cosine similarity of an item to what the user took, damped for rare items."""
        taken = seen.astype(np.float64)
        counts = taken.sum(axis=0)
        similarity = (taken.T @ taken) / (np.sqrt(np.outer(counts, counts)) + shrinkage)
        np.fill_diagonal(similarity, 0)
        return cls(taken, similarity)

    @classmethod
    def of_alternating_squares(cls, seen: Seen, width: int, weight: float) -> "Factors":
        """Matrix factorization of implicit feedback: Hu, Koren, Volinsky, ICDM 2008, in 12 rounds."""
        taken = seen.astype(np.float64)
        items = np.random.default_rng(SEED).normal(scale=0.1, size=(taken.shape[1], width))
        users = np.zeros((taken.shape[0], width))
        for _ in range(12):
            users = _solved(taken, items, weight)
            items = _solved(taken.T, users, weight)
        return cls(users, items.T)

    @property
    def scores(self) -> Matrix:
        """Scores `[users, items]`."""
        return self.users @ self.items


def _solved(taken: Matrix, fixed: Matrix, weight: float) -> Matrix:
    """The rows that fit best, each by regularized least squares: taken counts 1 + `weight`, the rest 1."""
    ridge = fixed.T @ fixed + np.eye(fixed.shape[1])
    return np.stack(
        [
            np.linalg.solve(
                ridge + weight * fixed[row > 0].T @ fixed[row > 0], (1 + weight) * fixed[row > 0].sum(axis=0)
            )
            for row in taken
        ]
    )


def candidates(seen: Seen) -> dict[str, Factors]:
    """Return the recommenders to choose from, by the name that the card gives them."""
    return {
        **{
            f"item-based, shrinkage {shrinkage}": Factors.of_items_alike(seen, shrinkage)
            for shrinkage in (0, 20)
        },
        **{
            f"matrix factorization, {width} factors": Factors.of_alternating_squares(seen, width, 4.0)
            for width in (4, 8, 16)
        },
    }


def top(scores: Matrix, seen: Seen) -> npt.NDArray[np.int64]:
    """The best items that a user has not taken, `[users, 10]`, best first."""
    ranked = np.argsort(-np.where(seen, -np.inf, scores), axis=1, kind="stable")
    return ranked[:, :TOP].astype(np.int64)


def recall(chosen: npt.NDArray[np.int64], wanted: Seen) -> float:
    """Mean share of a user's held-out items (at most 10 of them) that are among the 10 recommended."""
    hits = np.take_along_axis(wanted, chosen, axis=1)
    return float((hits.sum(axis=1) / np.minimum(wanted.sum(axis=1), TOP)).mean())


def ndcg(chosen: npt.NDArray[np.int64], wanted: Seen) -> float:
    """Mean normalized discounted cumulative gain: hits near the top count more."""
    hits = np.take_along_axis(wanted, chosen, axis=1)
    discounts = 1 / np.log2(np.arange(TOP) + 2)
    ideal = np.cumsum(discounts)[np.minimum(wanted.sum(axis=1), TOP) - 1]
    return float(((hits * discounts).sum(axis=1) / ideal).mean())


def export(factors: Factors, seen: Seen) -> onnx.ModelProto:
    """The whole recommender as a graph: user → scores of all items → without those taken → the 10 best."""
    constants = {
        "users": factors.users.astype(np.float32),
        "factors": factors.items.astype(np.float32),
        "seen": seen,
        "never": np.array(-np.inf, np.float32),
        "top": np.array([TOP], np.int64),
    }
    nodes = [
        helper.make_node("Gather", ["users", "user"], ["profile"]),
        helper.make_node("MatMul", ["profile", "factors"], ["appeal"]),
        helper.make_node("Gather", ["seen", "user"], ["taken"]),
        helper.make_node("Where", ["taken", "never", "appeal"], ["open"]),
        helper.make_node("TopK", ["open", "top"], ["scores", "items"]),
    ]
    graph = helper.make_graph(
        nodes,
        NAME,
        [helper.make_tensor_value_info("user", TensorProto.INT64, ["rows"])],
        [
            helper.make_tensor_value_info("items", TensorProto.INT64, ["rows", TOP]),
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["rows", TOP]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    return model


def recommend(model: bytes, users: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Run an exported model in ONNX Runtime."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (items,) = session.run(["items"], {"user": users})
    return np.asarray(items, np.int64)


def chosen_name(split: Split) -> tuple[str, dict[str, float]]:
    """The candidate with the best recall on the validation part, and the recall of each."""
    scores = {
        name: recall(top(factors.scores, split.train), split.validation)
        for name, factors in candidates(split.train).items()
    }
    return max(scores, key=scores.__getitem__), scores


def train(split: Split, name: str) -> Package:
    """Fit a candidate to all that is not held out, and package it; exit if the graph answers otherwise."""
    seen = split.train | split.validation
    factors = candidates(seen)[name]

    def predict(users: Sequence[Any]) -> Mapping[str, Any]:
        scores, taken = factors.scores[list(users)], seen[list(users)]
        items = top(scores, taken)
        return {"items": items, "scores": np.take_along_axis(scores, items, axis=1)}

    users = np.arange(len(seen))
    found = recall(top(factors.scores, seen), split.held_out)
    trained = Trained(
        model=export(factors, seen),
        predict=predict,
        samples=users,
        metrics={f"recall@{TOP}": round(found, 4)},
    )
    try:
        return build(trained, name=NAME, version=VERSION).package
    except PackagingError as error:
        sys.exit(f"error: {error}")


def render_card(split: Split, scores: dict[str, float], chosen: str, package: Package) -> str:
    """Write the model card; every figure in it is measured on the bytes of the package."""
    users, items = split.train.shape
    seen = split.train | split.validation
    ours = recommend(package.files["model.onnx"], np.arange(users))
    popular = top(np.broadcast_to(seen.sum(axis=0).astype(np.float64), seen.shape), seen)
    parts = [int(part.sum()) for part in (split.train, split.validation, split.held_out)]
    libraries = made_with("onnx", "onnxruntime", "numpy")
    score_rows = "\n".join(
        f"| {name} | {score:.3f} |{' chosen' if name == chosen else ''} |" for name, score in scores.items()
    )
    return f"""# Model card: recommender

Gives a known user the {TOP} items that suit best, without those that the user has taken already.

Written by `train.py`; `python models/recommendation/train.py --check` proves every figure below.

| | |
|---|---|
| package | `package/`, {package.size} bytes |
| sha256 | `{package.sha256}` (of `modelberth.json`) |
| kind | {chosen} |
| input | `user`, int64, shape [rows], 0 to {users - 1} |
| output | `items`, int64, shape [rows, {TOP}], 0 to {items - 1}, best first |
| output | `scores`, float32, shape [rows, {TOP}] |
| example | `{json.dumps(package.manifest["example"])}` |

The graph holds the factors and what each user has taken: it looks both up, multiplies, masks and ranks.

## Data

**Synthetic.** {sum(parts)} interactions of {users} users with {items} items in `data/interactions.csv`, drawn
by `generate.py` (seeded; hidden tastes and a power law of popularity; Apache-2.0, like the rest of the
repository). They show that the whole way works. They do not show how good such a model is for real people.

Split of each user's interactions: {parts[0]} to train, {parts[1]} to choose, {parts[2]} held out, seed
{SEED}. The packaged model is fitted to the first two.

## Choice

Recall@{TOP} on the second part, fitted to the first; the held-out interactions took no part in the choice.

| candidate | recall@{TOP} | |
|---|---|---|
{score_rows}

## Quality on the {parts[2]} held-out interactions

Measured with ONNX Runtime on `package/model.onnx`; the baseline recommends the most popular items that the
user has not taken.

| metric | recommender | popularity |
|---|---|---|
| recall@{TOP} | {recall(ours, split.held_out):.4f} | {recall(popular, split.held_out):.4f} |
| NDCG@{TOP} | {ndcg(ours, split.held_out):.4f} | {ndcg(popular, split.held_out):.4f} |
| items that anybody is shown | {len(np.unique(ours))} of {items} | {len(np.unique(popular))} of {items} |

## Use and limits

For demonstration and for tests of the serving path. A user that is not in the data cannot be asked for; a new
interaction is known only after training again. The package holds what each user has taken: with real data
that is personal data, and the package has to be kept like it.

{libraries}
"""


def difference(split: Split, package: Package, other: Package) -> str | None:
    """Say for how many users two packages recommend something else, or None."""
    users = np.arange(len(split.train))
    ours, theirs = (recommend(made.files["model.onnx"], users) for made in (package, other))
    unequal = int((ours != theirs).any(axis=1).sum())
    return f"{unequal} of {len(users)} users differ" if unequal else None


def training() -> Training:
    """Split, choose and train."""
    split = Split.of_interactions()
    chosen, scores = chosen_name(split)
    return Training(
        package=train(split, chosen),
        card=partial(render_card, split, scores, chosen),
        difference=partial(difference, split),
    )


if __name__ == "__main__":
    sys.exit(main(FOLDER, training))
