"""Working parts in memory: they pass the contracts of the real ones."""
