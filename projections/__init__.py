"""Projections: events to rows, one read model in each file, and replay."""
