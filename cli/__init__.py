"""How it is started: one command a file, ``ragline …``."""
