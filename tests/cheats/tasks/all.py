"""All tasks, by name."""

from tests.cheats.tasks.base import Task
from tests.cheats.tasks.functions import Numbers, Parser, Tagged, Texts
from tests.cheats.tasks.service import Service
from tests.cheats.tasks.shapes import Command, Files, Ledger

TASKS: dict[str, type[Task]] = {
    task.name: task for task in (Texts, Numbers, Parser, Tagged, Ledger, Files, Command, Service)
}
