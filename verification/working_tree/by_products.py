"""Files that tools leave behind in a work tree: a table of names, for bases whose ignore files do not name them."""

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
"""Names that no author writes. They are left out wherever the base has nothing of the name."""
OUTSIDE_SCOPE = ("build", "dist", "venv", "htmlcov", "*.pyc")
"""Names that an author may write. They are left out where the scope does not allow them."""


def is_by_product(path: str, *, may_be_written: bool) -> bool:
    """Whether an untracked entry is one that tools leave behind. `may_be_written`: the scope reaches it."""
    name = path.rpartition("/")[2]
    names = ALWAYS if may_be_written else (*ALWAYS, *OUTSIDE_SCOPE)
    return any(fnmatchcase(name, pattern) for pattern in names)
