"""Docs cannot lie: generated pages are compared, links are followed, commands are listed."""
