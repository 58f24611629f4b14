"""Scripts that are part of the program, for demonstrations of the rules."""
