"""pipeline: not written yet."""
