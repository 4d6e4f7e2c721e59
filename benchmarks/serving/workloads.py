"""What is sent."""

from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["WORKLOADS", "Workload"]


@dataclass(frozen=True)
class Workload:
    """Requests of one kind from a number of connections, each with one request out at a time."""

    name: str
    title: str
    model: str
    rows: int
    form: Literal["rows", "image", "binary"]
    connections: int = 16


WORKLOADS: Final = (
    Workload("trees-1", "100 trees over 30 features, 1 row of JSON", "trees", 1, "rows"),
    Workload("trees-32", "100 trees over 30 features, 32 rows of JSON", "trees", 32, "rows"),
    Workload("logistic-1", "Logistic regression over 4 features, 1 row of JSON", "logistic", 1, "rows"),
    # Few connections: the slow servers would spend most of the time on requests that do not end in it.
    Workload(
        "image-mobilenet",
        "MobileNetV2, image of 3 by 224 by 224, binary tensor",
        "mobilenet",
        1,
        "binary",
        connections=4,
    ),
    Workload(
        "image-binary",
        "Three convolutions, image of 3 by 224 by 224, binary tensor",
        "convolutional",
        1,
        "binary",
        connections=4,
    ),
    Workload("image-json", "The same image as JSON", "convolutional", 1, "image", connections=2),
)
