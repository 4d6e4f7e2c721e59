"""The settings of the server: environment variables, and nothing else."""

from modelberth_server.settings.settings import Settings
from modelberth_server.settings.table import VARIABLES
from modelberth_server.settings.variable import REQUIRED, Variable

__all__ = ["REQUIRED", "VARIABLES", "Settings", "Variable"]
