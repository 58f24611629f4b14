"""Rules for source text and changed paths: hard-coded answers, secrets, unfinished code, paths outside the scope."""
