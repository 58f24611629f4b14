"""The domain: commands, events, decide, evolve, law. It is pure: no I/O, no clock, no randomness."""
