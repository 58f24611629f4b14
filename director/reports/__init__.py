"""A verdict as a page and as text."""
