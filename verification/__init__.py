"""Verification: requirement files, the sandbox, the judge and the verdict."""
