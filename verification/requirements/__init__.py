"""Requirement files: their parser, their checks, and their model."""
