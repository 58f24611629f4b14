"""The tasks of the zoo. Each has a different shape."""
