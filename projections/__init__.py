"""Projections turn events into rows. Each file has the read model of one consumer. `replay` computes rows again."""
