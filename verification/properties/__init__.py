"""Properties: inputs drawn outside the sandbox, checks, and smaller counterexamples."""
