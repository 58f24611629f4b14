"""Scripts that ship with the program, for demonstrations of the law."""
