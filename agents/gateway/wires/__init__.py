"""The wire formats of the gateway: the allowed fields of each, as data."""
