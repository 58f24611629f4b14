"""The test that calls every use case without the command line knows each module of use cases.

That test needs servers and checks each function. This test needs no server and checks only the imports.
"""

import ast
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[2]
SERVICES = ROOT / "director" / "services"
CALLS = ROOT / "tests" / "acceptance" / "test_services_alone.py"
PACKAGE = "director.services"


def not_called(modules: Iterable[str], calls: str) -> set[str]:
    """Return the modules of use cases that a test's source neither imports nor names in its table ELSEWHERE."""
    imported = set()
    for node in ast.walk(ast.parse(calls)):
        if isinstance(node, ast.ImportFrom) and node.module == PACKAGE:
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{PACKAGE}."):
            imported.add((node.module or "").removeprefix(f"{PACKAGE}."))
        elif isinstance(node, ast.Assign) and [ast.unparse(each) for each in node.targets] == ["ELSEWHERE"]:
            imported |= {name.split(".")[0] for name in ast.literal_eval(node.value)}
    return set(modules) - imported


def test_each_module_of_use_cases_is_called_without_the_command_line() -> None:
    modules = {file.stem for file in SERVICES.glob("*.py")} - {"__init__"}
    calls = CALLS.read_text(encoding="utf-8")
    assert not_called(modules, calls) == set(), f"call its functions in {CALLS.relative_to(ROOT)}, and run that test"
    assert not_called({*modules, "new_one"}, calls) == {"new_one"}, "the control: another one would be missed"
