"""The behaviours of real servers as data, and the code that plays each of them to a complete employee."""
