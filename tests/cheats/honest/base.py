"""The form of an honest style: another way to write the same right delivery, for any task of the zoo."""

from collections.abc import Callable

from tests.cheats.tasks.base import Task, Tree

Style = Callable[[Task, str], Tree]
"""A function of a task and the source of its `def right(...)` that returns the tree."""
PLAIN = "def core(*args):\n    return right(*args)"


def written(
    task: Task, right: str, core: str = PLAIN, *, top: str = "", end: str = "", files: dict[str, str] | None = None
) -> Tree:
    """Return a tree with one module of these parts, and with further files."""
    parts = [top, "from decimal import Decimal", right, core, task.shape, end]
    module = "\n\n".join(part for part in parts if part) + "\n"
    return {path: text.encode() for path, text in {task.path: module, **(files or {})}.items()}


def around(core: str, *, top: str = "", end: str = "") -> Style:
    """Return a style with the same text for each task."""
    return lambda task, right: written(task, right, core, top=top, end=end)
