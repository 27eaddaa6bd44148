"""http: not written yet."""
