"""The Director's interfaces: they send commands and show results. The gate decides, not they."""
