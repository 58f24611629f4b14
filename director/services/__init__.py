"""The Director's use cases. They take values, return structs, raise typed errors and call back with progress.

They never print.
"""
