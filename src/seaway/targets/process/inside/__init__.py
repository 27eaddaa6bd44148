"""What is put into every cell at `/run/seaway`; nothing here is imported by Seaway."""
