"""What a person gets: a git repository with its packaging, its acceptance tests and the verdict."""
