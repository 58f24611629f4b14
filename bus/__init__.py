"""Moves events (JetStream) and keeps them (Postgres)."""
