"""Sessions: the loop in which a model works in a working copy, with a permit before each call."""
