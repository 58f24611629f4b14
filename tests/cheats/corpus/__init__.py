"""The cheats of the zoo, by what they reach for."""
