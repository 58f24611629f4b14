"""Clean copies: a tree without what could change how others' tests are found, run or reported."""

import tomllib
from collections.abc import Iterable, Mapping

from verification.requirements.suite_files import is_test_file

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
_TEST_FOLDERS = frozenset({"test", "tests"})
_PYPROJECT = "pyproject.toml"


def clean(tree: Mapping[str, bytes], without: Iterable[str] = ()) -> dict[str, bytes]:
    """The tree without configuration of tests and of the interpreter, and without the paths `without`."""
    left_out = frozenset(without)
    kept = {path: content for path, content in tree.items() if not steers(path) and path not in left_out}
    for path in [path for path in kept if path.rpartition("/")[2] == _PYPROJECT]:
        plain = without_pytest(kept.pop(path))
        if plain is not None:
            kept[path] = plain
    return kept


def steers(path: str) -> bool:
    """Whether a file of this name is read by pytest or by the interpreter itself."""
    return any(part in _NAMES or part.endswith(_ENDINGS) for part in path.split("/"))


def belongs_to_tests(path: str) -> bool:
    """A test file, or what lies beside tests: their helpers and data."""
    *folders, _ = path.split("/")
    return is_test_file(path) or bool(_TEST_FOLDERS & set(folders))


def without_pytest(pyproject: bytes) -> bytes | None:
    """pyproject.toml without pytest's tables; None where that cannot be told apart for certain."""
    try:
        text = pyproject.decode()
        whole = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(tools := whole.get("tool"), dict) or "pytest" not in tools:
        return pyproject
    tools.pop("pytest")
    kept: list[str] = []
    inside = False
    for line in text.splitlines(keepends=True):
        if line.lstrip().startswith("["):
            inside = line.replace(" ", "").replace('"', "").lstrip("[").startswith(("tool.pytest.", "tool.pytest]"))
        if not inside:
            kept.append(line)
    try:
        rest = tomllib.loads("".join(kept))
    except tomllib.TOMLDecodeError:
        return None
    rest.setdefault("tool", {})
    return "".join(kept).encode() if rest == whole else None
