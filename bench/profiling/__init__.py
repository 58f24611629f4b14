"""The profile of `make profile`: CPU time by layer, and flame graphs."""
