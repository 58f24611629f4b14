"""Routing by verified results: pure functions on integers, which give the same choice on every machine (ADR 0080)."""
