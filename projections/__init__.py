"""Projections: events become rows, with one read model per file. Also replay."""
