"""Sandboxes for code under test. A sandbox makes boxes; a box is the isolated environment of one run."""
