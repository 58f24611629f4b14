"""Fixtures of the cheat tests."""

from tests.sandboxes import sandbox

__all__ = ["sandbox"]
