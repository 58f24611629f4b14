"""The review of a run's work: a task without criteria, after all other tasks. Its employee wrote no part of the work.
A reviewer can block the run. It cannot skip a gate: the merged tree is judged after every review.
"""

from collections.abc import Iterable, Mapping
from uuid import UUID

from domain.errors import Refused
from domain.task import TaskState

PATH = "review.json"
_MAKERS: Mapping[str, str] = {
    **dict.fromkeys(("gpt", "o", "chatgpt", "codex", "davinci"), "openai"),
    **dict.fromkeys(("gemini", "gemma"), "google"),
    **dict.fromkeys(("llama", "codellama"), "meta"),
    **dict.fromkeys(("mistral", "mixtral", "codestral", "devstral", "ministral"), "mistral"),
    **dict.fromkeys(("qwen", "qwq"), "alibaba"),
}


def vendor_of(model: str) -> str:
    """Return the maker of a model, from its family's name. Models of one maker make similar mistakes on any server."""
    name = model.removeprefix("script ").lower().rpartition("/")[2]
    family = name[: next((index for index, char in enumerate(name) if not char.isalpha()), len(name))]
    return _MAKERS.get(family, family or name)


def is_review(task: TaskState) -> bool:
    return not task.criteria


def authors(tasks: Iterable[TaskState]) -> frozenset[UUID]:
    """Return the authors of the reviewed work."""
    return frozenset(task.employee for task in _work(tasks) if task.employee is not None)


def vendors(tasks: Iterable[TaskState]) -> frozenset[str]:
    """Return the makers of the models that wrote the reviewed work."""
    return frozenset(vendor_of(task.model) for task in _work(tasks))


def refuse_author(task: TaskState, tasks: Iterable[TaskState], employee: UUID) -> None:
    """Raise Refused if the task is a review and the employee is an author of the reviewed work."""
    if is_review(task) and employee in authors(tasks):
        raise Refused("An employee cannot review its own work.", hint="Hire an employee with a model of another maker.")


def objection(tasks: Iterable[TaskState]) -> str:
    """Return the reason of a review that blocks the merge; empty if no review blocks it."""
    return next((task.blocked for task in tasks if task.blocked), "")


def _work(tasks: Iterable[TaskState]) -> Iterable[TaskState]:
    return (task for task in tasks if not is_review(task) and task.phase == "verified")
