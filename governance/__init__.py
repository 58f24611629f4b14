"""May it? Who may cause which event, and the gate that every command passes."""
