from support.recording import recorder

__all__ = ["recorder"]
