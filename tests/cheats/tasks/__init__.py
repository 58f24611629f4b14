"""The tasks of the zoo, each of another shape."""
