"""The manager: its reactions, its leadership, and its duties beside the log."""
