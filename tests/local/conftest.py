from support.supervised import supervised

__all__ = ["supervised"]
