"""The model: pinned bytes, verified, loaded and warm."""
