"""Tests, a folder a room."""
