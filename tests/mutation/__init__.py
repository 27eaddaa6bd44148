"""Mutation runs: change one operator, constant or statement at a time and see whether the tests notice."""
