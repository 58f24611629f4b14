"""Every library that the product imports is a declared dependency, and docs/dependencies.md says why."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from tests.architecture.parsing import nodes

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
OWN = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
DELIVERED = ("aura_casebox", "aura_properties", "aura_servicebox")
"""Modules of agents/delivery that import each other after they are copied into a delivery."""
DISTRIBUTIONS = packages_distributions()


def declared() -> set[NormalizedName]:
    """Return the names of all dependencies, including those of the extras."""
    extras = PROJECT["project"]["optional-dependencies"].values()
    lines = [*PROJECT["project"]["dependencies"], *(line for extra in extras for line in extra)]
    return {canonicalize_name(Requirement(line).name) for line in lines}


def imported(source: str) -> Iterator[str]:
    """Yield the top-level packages that a module imports."""
    for node in nodes(source):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def undeclared(source: str) -> list[str]:
    """Return the distributions that a module imports and that are not declared dependencies."""
    foreign = {name for name in imported(source) if name not in {*sys.stdlib_module_names, *OWN, *DELIVERED}}
    found = {name: {canonicalize_name(each) for each in DISTRIBUTIONS.get(name, [name])} for name in foreign}
    return sorted(name for name, distributions in found.items() if not distributions & declared())


@pytest.mark.parametrize("package", OWN)
def test_each_import_is_a_declared_dependency(package: str) -> None:
    files = [path for path in (ROOT / package).rglob("*.py") if "in_box" not in path.parts]
    assert {str(path.relative_to(ROOT)): names for path in files if (names := undeclared(path.read_text()))} == {}


@pytest.mark.parametrize("source", ["import pluggy", "from iniconfig import IniConfig", "import nowhere.at_all"])
def test_an_undeclared_import_is_found(source: str) -> None:
    """The control: libraries that come with others, and one that is not there."""
    assert undeclared(source)


def test_the_page_says_why_each_is_there() -> None:
    table = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    named = {canonicalize_name(name.strip()) for row in table.splitlines() for name in re.split(r"[|,]", row)[1:-1]}
    assert declared() - named == set()
