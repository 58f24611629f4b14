"""The review of what a run made: a task without criteria, after all others, by somebody who wrote none of it.

A reviewer may block. It cannot pass over a gate: the merged tree is judged after it, whatever it says.
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
    """Return the maker of a model by its family's name: models of one maker err alike, whoever serves them."""
    name = model.removeprefix("script ").lower().rpartition("/")[2]
    found = name[: next((index for index, char in enumerate(name) if not char.isalpha()), len(name))]
    return _MAKERS.get(found, found or name)


def is_review(task: TaskState) -> bool:
    return not task.criteria


def authors(tasks: Iterable[TaskState]) -> frozenset[UUID]:
    """Return the authors of the reviewed work."""
    return frozenset(task.employee for task in _work(tasks) if task.employee is not None)


def vendors(tasks: Iterable[TaskState]) -> frozenset[str]:
    """The makers of the models that wrote it."""
    return frozenset(vendor_of(task.model) for task in _work(tasks))


def refuse_author(task: TaskState, tasks: Iterable[TaskState], employee: UUID) -> None:
    """Raise Refused when an author of what is reviewed is to review it."""
    if is_review(task) and employee in authors(tasks):
        raise Refused(
            "Nobody reviews what they wrote themselves.", hint="Hire an employee whose model another maker has made."
        )


def objection(tasks: Iterable[TaskState]) -> str:
    """Why the run may not be merged; empty when nobody blocks."""
    return next((task.blocked for task in tasks if task.blocked), "")


def _work(tasks: Iterable[TaskState]) -> Iterable[TaskState]:
    return (task for task in tasks if not is_review(task) and task.phase == "verified")
