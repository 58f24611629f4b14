"""A delivery is a git repository with packaging, acceptance tests and the verdict."""
