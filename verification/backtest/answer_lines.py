"""Removal of the answer from the message of a commit, because an employee reads the message as its requirement."""

from collections.abc import Iterator

from domain.tree import Tree

ANSWER_CHARS_MIN = 16
"""A shorter line of code, such as `return None`, also occurs in plain sentences. It does not give the answer away."""
LEFT_OUT = "[A line of the change is left out here.]"


def without_answer(message: str, before: Tree, after: Tree) -> str:
    """Return the message without the lines that contain a line of code that the change adds."""
    added = _added_lines(before, after)
    lines: list[str] = []
    for line in message.splitlines():
        plain = " ".join(line.split())
        kept = line if not any(code in plain for code in added) else LEFT_OUT
        if kept != LEFT_OUT or lines[-1:] != [LEFT_OUT]:
            lines.append(kept)
    return "\n".join(lines)


def _added_lines(before: Tree, after: Tree) -> frozenset[str]:
    """Return the lines of Python that only the tree after the change has, with single spaces."""
    added: set[str] = set()
    for path in after.changed_from(before):
        if path in after and path.endswith(".py"):
            added |= {*_lines(after[path])} - {*_lines(before.get(path, b""))}
    return frozenset(line for line in added if len(line) >= ANSWER_CHARS_MIN)


def _lines(content: bytes) -> Iterator[str]:
    return (" ".join(line.split()) for line in content.decode("utf-8", "replace").splitlines())
