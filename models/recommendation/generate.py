"""Make the synthetic interactions that `train.py` learns from: `python models/recommendation/generate.py`.

The data is invented by this generator and says nothing about people. 400 users choose among 200 items. Users
and items have 6 hidden tastes; items are popular to different degrees, by a power law. The chance that a user
takes an item is the softmax of taste and popularity, and each user takes 20 to 40 different items.
"""

import csv
from pathlib import Path

import numpy as np

FILE = Path(__file__).resolve().parent / "data" / "interactions.csv"
SEED = 0
USERS, ITEMS, TASTES = 400, 200, 6
FEWEST, MOST = 20, 40
TASTE_WEIGHT = 1.6
POPULARITY_EXPONENT = 0.6


def generate() -> list[tuple[int, int]]:
    """Draw pairs of a user and an item, sorted; the same ones each time."""
    random = np.random.default_rng(SEED)
    users = random.normal(size=(USERS, TASTES))
    items = random.normal(size=(ITEMS, TASTES))
    popularity = -POPULARITY_EXPONENT * np.log(1 + random.permutation(ITEMS))
    appeal = TASTE_WEIGHT * users @ items.T / np.sqrt(TASTES) + popularity
    chances = np.exp(appeal - appeal.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    return sorted(
        (user, int(item))
        for user in range(USERS)
        for item in random.choice(
            ITEMS, size=int(random.integers(FEWEST, MOST + 1)), replace=False, p=chances[user]
        )
    )


def main() -> None:
    """Write the file."""
    with FILE.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("user", "item"))
        writer.writerows(generate())


if __name__ == "__main__":
    main()
