"""Authority, principals, and the gate that every command passes."""
