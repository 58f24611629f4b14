"""Verdicts: their model, their attestation, and reviews."""
