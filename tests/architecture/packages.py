"""The top-level packages of the project, for every test that goes through them."""

CODE = (
    "agents",
    "bus",
    "director",
    "domain",
    "governance",
    "observability",
    "projections",
    "runtime",
    "verification",
)
"""Packages with code."""
PACKAGES = tuple(sorted((*CODE, "sql")))
"""Packages that are installed."""
