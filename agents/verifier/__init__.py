"""The verifier: judging what is pending, and signing verdicts."""
