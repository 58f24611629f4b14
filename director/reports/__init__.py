"""Verdicts and backtests as text, HTML pages, and formats for CI systems."""
