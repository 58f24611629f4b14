"""Use cases of the Director. Some still print; the command line calls them."""
