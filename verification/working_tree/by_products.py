"""Names of files that tools create in a working tree, for bases that do not ignore them."""

from fnmatch import fnmatchcase

ALWAYS = (
    "__pycache__",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    ".hypothesis",
    ".tox",
    ".nox",
    ".venv",
    ".eggs",
    "*.egg-info",
    ".coverage",
    ".DS_Store",
)
"""Names that no author writes. They are left out unless the base has a file of the name."""
OUTSIDE_SCOPE = ("build", "dist", "venv", "htmlcov", "*.pyc")
"""Names that an author may write. They are left out if the scope does not allow them."""


def is_by_product(path: str, *, may_be_written: bool) -> bool:
    """Return whether tools create untracked entries of this name. `may_be_written`: the scope allows the path."""
    name = path.rpartition("/")[2]
    names = ALWAYS if may_be_written else (*ALWAYS, *OUTSIDE_SCOPE)
    return any(fnmatchcase(name, pattern) for pattern in names)
