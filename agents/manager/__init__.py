"""The manager: its reactions to events, its leadership, and its duties."""
