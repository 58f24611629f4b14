"""Fixtures of the cheat tests."""

from tests.sandboxes import pooled_sandbox, sandbox

__all__ = ["pooled_sandbox", "sandbox"]
