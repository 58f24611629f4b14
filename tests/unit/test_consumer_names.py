"""A quick command knows the consumers' names without importing their code."""

import subprocess
import sys

from projections.consumer_names import CONSUMER_NAMES
from runtime.roles import CONSUMERS


def test_the_names_are_those_of_the_table_of_roles() -> None:
    assert tuple(CONSUMERS) == CONSUMER_NAMES


def test_status_imports_neither_the_roles_nor_the_judge() -> None:
    code = "import sys, director.services.stack_status; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "director.services.stack_status" in modules, "control"
    assert not {"runtime.roles", "verification.judge", "agents.workers.worker"} & set(modules)
