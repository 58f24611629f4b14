"""The processes of the organisation: their list, how a process serves, and how it ends."""
