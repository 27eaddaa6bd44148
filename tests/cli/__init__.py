"""The command line as its users meet it, in projects that are whole, broken or hostile."""
