"""What is so? Events to rows, one read model per file, and replay."""
