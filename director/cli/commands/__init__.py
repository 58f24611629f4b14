"""The commands of `aura`, by subject. Slow imports are inside the functions, so that `aura --help` is fast."""
