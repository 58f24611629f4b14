"""The model gateway: the only way out of the box of a coding agent. It is an allow-list of routes and fields."""
