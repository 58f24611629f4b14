"""Names of files that tools create in a working tree, for bases that do not ignore them."""

from fnmatch import fnmatchcase

from verification.requirements.scope import in_scope

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
"""Names that no author writes. Entries with such a name are not judged, unless the base has an entry at their path."""
OUTSIDE_SCOPE = ("build", "dist", "venv", "htmlcov", "*.pyc")
"""Names that an author may write. Entries with such a name are not judged if the scope does not allow their path."""
LEFTOVERS = ("*.pyc", "node_modules", "*.orig", "*.rej", "*.swp", "*~")
"""Names of compiled files, installed packages, and leftovers of editors and of `patch`. A session never hands in new
entries with such a name. A judged folder may contain them.
"""


def is_by_product(path: str, scope: tuple[str, ...]) -> bool:
    """Return whether an untracked file or folder has the name of a by-product that the scope does not allow."""
    writable = in_scope(path, scope) or in_scope(f"{path}/x", scope)
    return _is_named(path, ALWAYS if writable else (*ALWAYS, *OUTSIDE_SCOPE))


def is_leftover(path: str) -> bool:
    """Return whether an untracked path of a session has the name of a leftover."""
    return _is_named(path, LEFTOVERS)


def _is_named(path: str, names: tuple[str, ...]) -> bool:
    name = path.rpartition("/")[2]
    return any(fnmatchcase(name, pattern) for pattern in names)
