"""The cheats of the zoo, in groups by their method."""
