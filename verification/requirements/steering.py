"""Paths that steer a verdict: what pytest or the interpreter itself reads, whatever the code is."""

_NAMES = frozenset(
    {
        "conftest.py",
        "pytest.ini",
        ".pytest.ini",
        "pytest.toml",
        ".pytest.toml",
        "tox.ini",
        "setup.cfg",
        "sitecustomize.py",
        "usercustomize.py",
        "sitecustomize",
        "usercustomize",
        "__pycache__",
    }
)
_ENDINGS = (".pth", ".dist-info", ".egg-info", ".egg-link", ".pyc")
PYPROJECT = "pyproject.toml"
"""It holds pytest's configuration beside what belongs to the project, and so it is kept without that."""


def steers(path: str) -> bool:
    """Whether a file of this name is read by pytest or by the interpreter itself."""
    return any(part in _NAMES or part.endswith(_ENDINGS) for part in path.split("/"))


def configures(path: str) -> bool:
    """Whether a file of this name steers, or may hold what does."""
    return steers(path) or path.rpartition("/")[2] == PYPROJECT
