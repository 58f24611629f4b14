"""The commands of `aura`, by subject. Heavy imports stand inside the functions: `aura --help` answers at once."""
