"""The attack list: each refused, with its reason."""
