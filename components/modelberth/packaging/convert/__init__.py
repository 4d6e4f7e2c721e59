"""One file for each framework: its model into ONNX, and the original to compare with."""

from modelberth.packaging.convert.converted import Converted
from modelberth.packaging.convert.table import convert, feature_count

__all__ = ["Converted", "convert", "feature_count"]
