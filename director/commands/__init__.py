"""The commands of `aura`, by subject. Heavy imports stand inside the functions, so that `aura --help` answers at once."""
