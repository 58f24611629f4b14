"""Limits and defaults of shadow runs and of checks of reviewers, for readers that need no more of them."""

from decimal import Decimal

USD_MAX = Decimal("1.00")
"""The budget of a shadow run, and of a check of reviewers, if none is given."""
DEFECTS, DEFECTS_MAX = 10, 100
"""Planted defects for each reviewer in one check: if none are given, and at most."""
