"""How strong the cases are: trivial stubs, mutants, and weak criteria."""
