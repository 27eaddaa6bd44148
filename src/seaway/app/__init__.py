"""WHAT IS IT: `compose.yaml` becomes an `App`."""
