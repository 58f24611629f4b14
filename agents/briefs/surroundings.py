"""The surroundings of a task in the project: the texts in scope, the files that they import, and the listing."""

import ast
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from verification.requirements.scope import in_scope
from verification.tree_limits import SHOWN_FILE_BYTES_MAX

SCOPE_BYTES_MAX = 4 * 1024**2
"""Limit for all texts in scope together. The smallest files come first. For files beyond the limit, only the path is
given.
"""
NEIGHBOUR_BYTES_MAX = 64 * 1024
NEIGHBOURS_MAX = 40
LISTED_MAX = 2_000


class ScopeTexts(NamedTuple):
    """The files in scope: path -> text, and path -> the reason why its text is omitted."""

    texts: dict[str, str]
    not_shown: dict[str, str]


def scope_texts(base: Mapping[str, bytes], scope: tuple[str, ...]) -> ScopeTexts:
    """Return the texts in scope. A file that is too large or not text is named with the reason."""
    texts: dict[str, str] = {}
    not_shown: dict[str, str] = {}
    total = 0
    inside = ((path, content) for path, content in base.items() if in_scope(path, scope))
    for path, content in sorted(inside, key=lambda each: (len(each[1]), each[0])):
        text = text_of(content)
        if len(content) > SHOWN_FILE_BYTES_MAX:
            not_shown[path] = f"it has {len(content) // 1024} KiB, more than {SHOWN_FILE_BYTES_MAX // 1024}"
        elif text is None:
            not_shown[path] = "it is not UTF-8 text"
        elif total + len(content) > SCOPE_BYTES_MAX:
            not_shown[path] = f"the files in scope have more than {SCOPE_BYTES_MAX // 1024**2} MiB together"
        else:
            texts[path] = text
            total += len(content)
    return ScopeTexts(dict(sorted(texts.items())), dict(sorted(not_shown.items())))


def text_of(content: bytes) -> str | None:
    """Return a file's text, or None if the file is not UTF-8 text."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def imported_paths(texts: Mapping[str, str], paths: Iterable[str]) -> tuple[str, ...]:
    """Return the project files that the files in `texts` import, without the files in `texts`, in the order of the
    imports.
    """
    known = frozenset(paths)
    seen = {
        candidate: None
        for path, text in texts.items()
        if path.endswith(".py")
        for module in _modules(text, path)
        for candidate in _files_of(module, path)
        if candidate in known and candidate not in texts
    }
    return tuple(seen)[:NEIGHBOURS_MAX]


def neighbour_texts(texts: Mapping[str, str], base: Mapping[str, bytes]) -> dict[str, str]:
    """Return the texts of the imported files that are in `base` and not too large."""
    read = {path: base[path] for path in imported_paths(texts, base)}
    decoded = {path: text_of(content) for path, content in read.items() if len(content) <= NEIGHBOUR_BYTES_MAX}
    return {path: text for path, text in decoded.items() if text}


def listed(paths: Iterable[str]) -> tuple[str, ...]:
    """Return the listing of the project. If it has too many files, the listing shows folders with the number of their
    files.
    """
    names = sorted(paths)
    depth = max((name.count("/") for name in names), default=0)
    while len(names) > LISTED_MAX and depth > 0:
        counts: dict[str, int] = {}
        for name in names:
            parts = name.split("/")
            shown = name if len(parts) <= depth else f"{'/'.join(parts[:depth])}/ ({{}} files)"
            counts[shown] = counts.get(shown, 0) + _count(name)
        names, depth = [shown.format(count) for shown, count in counts.items()], depth - 1
    return tuple(names[:LISTED_MAX])


def _count(name: str) -> int:
    matched = re.search(r" \((\d+) files\)$", name)
    return int(matched.group(1)) if matched else 1


def _modules(text: str, path: str) -> Iterator[str]:
    """Yield the dotted names of all modules that a file may import. The name for a relative import begins with `/` and
    is relative to the project's folder.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    package = path.split("/")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level <= len(package):
            base = [*package[: len(package) - node.level + 1], *([node.module] if node.module else [])]
            yield "/" + ".".join(base)
            yield from ("/" + ".".join([*base, alias.name]) for alias in node.names)


def _files_of(module: str, importer: str) -> Iterator[str]:
    """Yield the paths at which a module may exist: in the project's folder, in src/, or in a folder above the importing
    file.
    """
    parts = importer.split("/")[:-1]
    above = ["/".join(parts[:end]) + "/" for end in range(1, len(parts))]
    roots = [""] if module.startswith("/") else ["", "src/", *above]
    name = module.removeprefix("/").replace(".", "/")
    for root in dict.fromkeys(roots):
        yield f"{root}{name}.py"
        yield f"{root}{name}/__init__.py"
