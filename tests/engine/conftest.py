from support.project import project

__all__ = ["project"]
