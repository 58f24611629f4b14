"""A log of release 0.1.0 for the releases after it: how it was recorded, how it is read, what must follow from it."""
