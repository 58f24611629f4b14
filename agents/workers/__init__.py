"""Workers make the calls of employees and hand in the results."""
