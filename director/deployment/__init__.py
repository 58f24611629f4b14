"""The processes of the organisation: which processes there are, how a process serves its roles, and how it ends."""
