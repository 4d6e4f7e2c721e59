"""So many endpoints, the three kinds of `examples/clouds` in turn, with the settings that they have there."""

import sys
from importlib import import_module
from pathlib import Path

import pulumi

sys.path.append(str(Path(__file__).resolve().parent.parent / "clouds"))

config = pulumi.Config()
read = import_module("config").read
kinds = []
for name, kind in [
    ("scoring", "ScoringFunction"),
    ("vision", "VisionService"),
    ("ranking", "RankingDeployment"),
]:
    module = import_module(name)
    settings = read(config, name, getattr(module, f"{name.title()}Settings"))
    kinds.append((name, getattr(module, kind), settings))
for index in range(config.require_int("endpoints")):
    name, kind, settings = kinds[index % len(kinds)]
    kind(f"{name}-{index:03}", settings)
