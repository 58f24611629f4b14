"""Analysis of the source of test files: whether a file defines tests, and which modules of the project it imports."""

import ast
from collections.abc import Iterable, Mapping, Set

from verification.requirements.scope import in_scope


def defines_tests(content: bytes) -> bool:
    """Return whether a file defines a test function or class, or imports a test with a relative import.

    Pytest collects defined and imported tests. Return True for a file that cannot be parsed.
    """
    try:
        module = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
            return True
        if isinstance(node, ast.ClassDef) and (node.name.startswith("Test") or _derives_test_case(node)):
            return True
        if isinstance(node, ast.ImportFrom) and node.level and any(map(_is_test_name, _taken(node))):
            return True
    return False


def _taken(node: ast.ImportFrom) -> list[str]:
    """Return the names that an import binds. For `*`, return the name of the imported module."""
    module = (node.module or "").rpartition(".")[2]
    return [module if alias.name == "*" else alias.asname or alias.name for alias in node.names]


def _is_test_name(name: str) -> bool:
    return name.startswith(("test_", "Test"))


def _derives_test_case(node: ast.ClassDef) -> bool:
    names = [getattr(base, "attr", getattr(base, "id", "")) for base in node.bases]
    return any(name.endswith(("TestCase", "TestBase", "Tests", "Test")) for name in names)


def imports_of(content: bytes, package: str = "") -> frozenset[str]:
    """Return the dotted names that a file imports in any place, and the names of their packages.

    `package`: the package of the file, for relative imports. `from a import b` gives `a` and `a.b`, because `b` may be
    a module.
    """
    try:
        module = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    names: set[str] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(node, package)
            names.update([origin, *(f"{origin}.{alias.name}".strip(".") for alias in node.names)])
    return frozenset(above for name in names if name for above in _with_above(name))


def module_names(path: str, folders: Iterable[str]) -> frozenset[str]:
    """Return the dotted names that import a file. `folders`: the folders on Python's path; "" is the project's root."""
    if not path.endswith(".py"):
        return frozenset()
    names = set()
    for folder in folders:
        inside = path.removeprefix(f"{folder}/") if folder else path
        if folder and inside == path:
            continue
        name = inside.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        if all(part.isidentifier() for part in name.split(".")):
            names.add(name)
    return frozenset(names)


def reached_by(tests: Iterable[str], files: Mapping[str, bytes], folders: tuple[str, ...]) -> dict[str, frozenset[str]]:
    """Map each test file to all files that it imports, directly or indirectly. Its conftest.py files count, too."""
    by_name: dict[str, set[str]] = {}
    for path in files:
        for name in module_names(path, folders):
            by_name.setdefault(name, set()).add(path)
    direct: dict[str, frozenset[str]] = {}

    def imported(path: str) -> frozenset[str]:
        if path not in direct:
            names = frozenset[str]().union(*(imports_of(files[path], each) for each in _packages(path, folders)))
            direct[path] = frozenset(target for name in names for target in by_name.get(name, ()))
        return direct[path]

    reached: dict[str, frozenset[str]] = {}
    for test in tests:
        waiting, seen = [test, *_conftests(test, files)], set()
        while waiting:
            path = waiting.pop()
            if path not in seen:
                seen.add(path)
                waiting.extend(imported(path) - seen)
        reached[test] = frozenset(seen)
    return reached


def taking_from(
    changed: Set[str], tests: Iterable[str], files: Mapping[str, bytes], folders: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the test files that import changed files. Pytest may collect imported tests from such a test file."""
    return tuple(test for test, reached in reached_by(tests, files, folders).items() if reached & changed)


def _package_of(name: str, path: str) -> str:
    return name if path.endswith("/__init__.py") else name.rpartition(".")[0]


def _conftests(test: str, files: Mapping[str, bytes]) -> list[str]:
    parts = test.split("/")[:-1]
    places = ["/".join([*parts[:end], "conftest.py"]) for end in range(len(parts) + 1)]
    return [place for place in places if place in files]


def _origin(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".") if package else []
    above = parts[: len(parts) - node.level + 1]
    return ".".join([*above, *([node.module] if node.module else [])])


def _with_above(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)]


def importing(
    tests: Iterable[str], files: Mapping[str, bytes], scope: tuple[str, ...], folders: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the test files that import a module in scope, or a package that contains one."""
    wanted = {name for path in files if in_scope(path, scope) for name in module_names(path, folders)}
    above = {part for name in wanted for part in _with_above(name)}
    return tuple(
        test
        for test in tests
        if above & frozenset[str]().union(*(imports_of(files[test], package) for package in _packages(test, folders)))
    )


def _packages(path: str, folders: tuple[str, ...]) -> set[str]:
    return {_package_of(name, path) for name in module_names(path, folders)} or {""}
