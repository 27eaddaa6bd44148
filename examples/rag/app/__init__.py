"""A small retrieval app: a question goes in, the places of the standard library that answer it come out."""
