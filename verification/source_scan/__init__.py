"""Rules on source text: hard-coded answers, secrets, paths outside the write set."""
