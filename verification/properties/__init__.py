"""Properties: inputs drawn outside the box, checks, and smaller counterexamples."""
