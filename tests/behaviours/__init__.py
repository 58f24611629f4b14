"""How real servers behave, as data, and the harness that plays each of them to a whole employee."""
