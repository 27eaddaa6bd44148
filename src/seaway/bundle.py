"""bundle: not written yet."""
