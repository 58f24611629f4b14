"""The write set: the paths that differ between a tree and its base, and findings about changes that are not allowed."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from unicodedata import normalize

from domain.tree import Tree
from verification.requirements.link_rules import link_faults
from verification.requirements.scope import in_scope, path_fault
from verification.requirements.steering import steering_reason
from verification.tree_limits import FILE_BYTES_MAX, TREE_BYTES_MAX, TREE_FILES_MAX
from verification.verdict.model import Finding

NAMED_MAX = 20  # maximum number of paths with a finding of their own
COMPILED = (".pyc", ".pyo")
EXTENSION_SOURCES = (".c", ".cc", ".cpp", ".cxx", ".h", ".hpp", ".pyx", ".pxd", ".pxi", ".rs", ".f90", ".f")
COMPILED_EXTENSIONS = (".so", ".pyd", ".dylib")


def changed_paths(tree: Mapping[str, bytes], base: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return the paths that were added, changed or removed, sorted. A changed mode or link target is a change, too."""
    return Tree.of(tree).changed_from(base)


def scope_findings(
    changed: tuple[str, ...],
    scope: tuple[str, ...],
    tree: Mapping[str, bytes] = MappingProxyType({}),
    base: Mapping[str, bytes] = MappingProxyType({}),
) -> list[Finding]:
    """Return a finding for each written path outside the scope. It is a strike if the path could influence a verdict.

    `tree` and `base` contain the files, because the content decides whether a configuration file influences tests.
    """
    outside = [path for path in changed if not in_scope(path, scope)]
    reasons = {path: steering_reason(path, tree.get(path), base.get(path)) for path in outside}
    outside.sort(key=lambda path: not reasons[path])  # strikes come first
    findings = [_outside(path, reasons[path], ", ".join(scope)) for path in outside[:NAMED_MAX]]
    if len(outside) > NAMED_MAX:
        findings.append(
            Finding(
                kind="outside_scope", detail=f"{len(outside) - NAMED_MAX} more paths were written outside the scope"
            )
        )
    return findings


def _outside(path: str, steering: str, allowed: str) -> Finding:
    if steering:
        text = f"{path} was written outside the scope, and it {steering}; only {allowed} may be written"
        return Finding(kind="steering_file", path=path, detail=text, for_author=text)
    return Finding(
        kind="outside_scope",
        path=path,
        detail=f"{path} was written, but only {allowed} may be written",
        for_author=f"{path} is outside your scope: {allowed}",
    )


def form_findings(files: Mapping[str, bytes], changed: Iterable[str] = ()) -> list[Finding]:
    """Return the reasons why a tree cannot go into a sandbox: invalid paths or links, and exceeded limits.

    `changed`: the paths that the author wrote.
    """
    tree = Tree.of(files)
    paths = tree.paths()
    known = frozenset(paths)
    faults = [(path, fault) for path in paths if (fault := path_fault(path) or _clash(path, known))]
    faults += link_faults(tree, changed)
    told = [(path, f"the path {path[:100]!r} {fault}") for path, fault in faults[:NAMED_MAX]]
    if len(paths) > TREE_FILES_MAX:
        told.append(("", f"the tree has {len(paths)} files, and the limit is {TREE_FILES_MAX}"))
    large = [path for path, content in tree.items() if len(content) > FILE_BYTES_MAX]
    told += [(path, f"{path[:100]!r} is larger than {FILE_BYTES_MAX} bytes") for path in large[:NAMED_MAX]]
    if sum(map(len, tree.values())) > TREE_BYTES_MAX:
        told.append(("", f"the tree is larger than {TREE_BYTES_MAX} bytes"))
    return [Finding(kind="leftover_files", path=path or None, detail=text, for_author=text) for path, text in told]


def twin_findings(changed: tuple[str, ...], tree: Mapping[str, bytes]) -> list[Finding]:
    """Return a finding for each written path that has a twin: a path that differs only in case or Unicode composition.

    Some systems treat both paths as the same file. On such a system, a copy of the tree would lose one of the two
    files, and no verdict covers this copy.
    """
    folded: dict[str, list[str]] = {}
    for path in Tree.of(tree).paths():
        folded.setdefault(normalize("NFC", normalize("NFC", path).casefold()), []).append(path)
    twins = [sorted(paths) for paths in folded.values() if len(paths) > 1 and set(paths) & set(changed)]
    told = [(paths[0], f"{' and '.join(paths[:2])} are the same file on some systems") for paths in sorted(twins)]
    return [Finding(kind="leftover_files", path=path, detail=text, for_author=text) for path, text in told[:NAMED_MAX]]


def compiled_findings(changed: tuple[str, ...], tree: Mapping[str, bytes]) -> list[Finding]:
    """Return a finding for each changed file or link with the name of a compiled Python file.

    Python may run the compiled file instead of its source.
    """
    present = frozenset(Tree.of(tree).paths())
    told = [(path, f"{path} is compiled Python; deliver only its source") for path in changed if path in present]
    told = [(path, text) for path, text in told if path.casefold().endswith(COMPILED)]
    return [Finding(kind="leftover_files", path=path, detail=text, for_author=text) for path, text in told[:NAMED_MAX]]


def extension_findings(changed: tuple[str, ...], generated: Mapping[str, bytes]) -> list[Finding]:
    """Return a finding for each changed source of a compiled extension: tests would use the base's extension."""
    if not any(path.endswith(COMPILED_EXTENSIONS) for path in generated):
        return []
    sources = [path for path in changed if path.endswith(EXTENSION_SOURCES)]
    reason = "is a source of a compiled extension, and only the base is built: no test can judge this change"
    return [
        Finding(kind="not_built", path=path, detail=f"{path} {reason}", for_author=f"{path} {reason}")
        for path in sources[:NAMED_MAX]
    ]


def is_test(path: str) -> bool:
    """Return whether a path is one of the author's own tests, by the usual names."""
    *folders, name = path.split("/")
    return "tests" in folders or "test" in folders or name.startswith("test_") or name.endswith("_test.py")


def _clash(path: str, paths: frozenset[str]) -> str | None:
    parts = path.split("/")
    above = ("/".join(parts[:end]) for end in range(1, len(parts)))
    return "lies below a file, a link or a submodule" if any(folder in paths for folder in above) else None
