"""Working copies of sessions: packs, the git history in them, the worker's cache, and the way of a difference back."""
