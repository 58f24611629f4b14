"""The domain: commands, events, decide, evolve, law. Pure: no I/O, no clock, no randomness."""
