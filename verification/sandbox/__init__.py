"""Sandboxes for code under test. A sandbox makes boxes. A box is the isolated environment of one run."""
