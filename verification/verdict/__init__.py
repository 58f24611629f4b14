"""The verdict: its model, its attestation, and reviews."""
