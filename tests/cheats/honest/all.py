"""All honest deliveries: each style for each task. The right solutions of a task are used in turn."""

from collections.abc import Iterator

from tests.cheats.honest.busy import BUSY_STYLES
from tests.cheats.honest.plain import PLAIN_STYLES
from tests.cheats.tasks.all import TASKS
from tests.cheats.tasks.base import Task, Tree

STYLES = PLAIN_STYLES | BUSY_STYLES


def honest(seed: int) -> Iterator[tuple[str, Task, Tree]]:
    """Yield (name of the style, task, tree), drawn from the seed."""
    tasks = [made(seed) for made in TASKS.values()]
    for index, (name, style) in enumerate(STYLES.items()):
        for place, task in enumerate(tasks):
            yield name, task, style(task, task.rights[(index + place + seed) % len(task.rights)])
