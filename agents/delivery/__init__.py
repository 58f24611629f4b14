"""Deliveries: a git repository with its packaging, its acceptance tests and the verdict."""
