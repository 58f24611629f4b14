"""A submitted folder, compared with its base as git compares a working tree. Git never runs."""
