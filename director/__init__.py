"""The Director's interfaces. They send commands and show results; only the gate decides."""
