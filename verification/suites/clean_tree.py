"""Clean copies: a tree without files that could change how given tests are found, run or reported."""

import tomllib
from collections.abc import Iterable, Mapping

from domain.tree import Tree
from verification.requirements.steering import PYPROJECT, steers
from verification.requirements.suite_files import is_test_file

_TEST_FOLDERS = frozenset({"test", "tests"})


def clean(tree: Mapping[str, bytes], without: Iterable[str] = ()) -> Tree:
    """Return the tree without configuration of tests or of the interpreter, and without the paths `without`."""
    left_out, whole = frozenset(without), Tree.of(tree)
    configured = {path for path in whole.paths() if path.rpartition("/")[2] == PYPROJECT}
    kept = whole.kept(lambda path: not steers(path) and path not in left_out and path not in configured)
    plain = {path: without_pytest(whole.followed(path)) for path in configured - left_out if not steers(path)}
    return kept.with_files({path: content for path, content in plain.items() if content is not None})


def belongs_to_tests(path: str) -> bool:
    """Return whether a path is a test file or is in a test folder. Test folders may also contain helpers and data."""
    *folders, _ = path.split("/")
    return is_test_file(path) or bool(_TEST_FOLDERS & set(folders))


def without_pytest(pyproject: bytes | None) -> bytes | None:
    """Return pyproject.toml without pytest's tables.

    Return None if the file does not exist, or if the tables cannot be removed safely.
    """
    if pyproject is None:
        return None
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
