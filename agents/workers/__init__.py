"""Workers: the calls of employees, and the results that they hand in."""
