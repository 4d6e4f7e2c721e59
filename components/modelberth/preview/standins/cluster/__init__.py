"""The `kubernetes` package with a real API server behind it instead of tables."""

from modelberth.preview.standins.cluster.backend import Cluster

__all__ = ["Cluster"]
