"""Coding agents with a command line: programs of other makers that work in a box and reach only the model gateway."""
