"""What a process of the organisation is built from: the composition root, its settings, and its ordered end."""
