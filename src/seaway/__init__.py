"""Seaway: one compose file and one set of digests, from the laptop to a governed, watched release."""

__version__ = "0.1.0"
