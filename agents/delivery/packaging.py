"""The files that a delivery adds to the code: packaging, README, acceptance tests and the verdict. All functions are
pure.
"""

import json
import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

from agents.delivery.acceptance_tests import acceptance_files, literal
from agents.delivery.property_tests import property_files
from domain.tree import Entry, Tree, manifest_of
from verification.requirements.dependencies import project_name
from verification.requirements.model import Requirement, Serve
from verification.requirements.placeholders import filled_text
from verification.requirements.scope import in_scope

PYTHON_OLDEST = "3.11"
NAME_CHARS_MAX = 64
_PACKAGED = ("pyproject.toml", "setup.py", "setup.cfg")
_NOT_CODE = frozenset({"tests", "test", "docs", "examples"})
_ABOUT = re.compile(
    r"\.|readme|licen[cs]e|changelog|notice|makefile|dockerfile|requirements|.*\.(md|rst|toml|cfg|ini|lock)$", re.I
)
_IGNORED = "__pycache__/\n*.pyc\n.pytest_cache/\n.venv/\ndist/\n*.egg-info/\n"
_STATEMENT = """`{statement}` is the verifier's signed statement (in-toto, DSSE) about
exactly these files. If Aura is installed, this command checks whether each file is the judged file:
```
aura attestation verify .
```
`{key}` came with the delivery, so it does not prove who signed. Give a key that you trust with `--key`.

"""
_EXACT = ".venv/bin/pip install --require-hashes -r {lock}\n"
_ABOUT_LOCK = """`{lock}` lists, by hash, the packages with which this code was judged:
wheels for the platform and the Python of that machine. If pip cannot install them, omit that line.
Then pip chooses versions that the dependencies allow.

"""


class Signed(NamedTuple):
    """The verifier's statement about the merged tree (one line), and the public key that verifies it (PEM)."""

    statement: bytes
    key: bytes


class ProofNames(NamedTuple):
    """Names of the files that describe a delivery. All other files belong to the code."""

    readme: str
    verdict: str
    statement: str
    key: str


def proof_names(tree: Collection[str]) -> ProofNames:
    """Return names for the proof's files. The tree has no files with these names."""
    names = _Names(tree)
    return ProofNames(
        readme=names.free("README.md", "DELIVERY.md"),
        verdict=names.free("verdict.json", "aura-verdict.json"),
        statement=names.free("verdict.intoto.jsonl", "aura-verdict.intoto.jsonl"),
        key=names.free("verifier.pub", "aura-verifier.pub"),
    )


def delivery_files(
    requirement: Requirement,
    tree: Collection[str],
    verdict_json: bytes,
    summary: str,
    signed: Signed | None = None,
) -> dict[str, bytes]:
    """Return path -> content of the files to add to `tree`. The tree's own files stay unchanged, because added files
    get unused names.

    A tree that has its own packaging keeps this packaging. `summary`: one paragraph for the README.
    """
    names, proof = _Names(tree), proof_names(tree)
    tests = _tests_folder(names)
    extra = {proof.verdict: verdict_json, proof.readme: _readme(requirement, tree, summary, tests, proof, signed)}
    if signed is not None:
        extra |= {proof.statement: signed.statement, proof.key: signed.key}
    return extra | packaging_files(requirement, tree)


def delivered_tree(requirement: Requirement, tree: Mapping[str, bytes]) -> Tree:
    """Return the tree as it will be delivered. Its verdict file is empty, because there is no verdict yet."""
    whole = Tree.of(tree)
    return whole.with_files(delivery_files(requirement, whole.paths(), b"{}", ""))


def packaging_files(requirement: Requirement, tree: Collection[str]) -> dict[str, bytes]:
    """Return the added files that depend only on the requirement and the tree's paths: packaging, lock, acceptance
    tests.
    """
    names = _Names(tree)
    tests = _tests_folder(names)
    test_name = "test_acceptance.py" if "test_acceptance.py" not in names.last else f"test_{tests.replace('/', '_')}.py"
    tried_name = "test_properties.py" if "test_properties.py" not in names.last else f"test_tried_{test_name}"
    extra = acceptance_files(requirement, tests, test_name) | property_files(requirement, tests, tried_name)
    if not any(path in tree for path in _PACKAGED):
        extra["pyproject.toml"] = _pyproject(requirement, tree, proof_names(tree).readme, tests).encode()
    if names.is_free(".gitignore"):
        extra[".gitignore"] = _IGNORED.encode()
    if requirement.lock is not None and not requirement.from_base:
        extra[_lock_name(names)] = requirement.lock
    return extra


def packaging_manifest(requirement: Requirement, tree: Collection[str]) -> dict[str, Entry]:
    """Return the manifest of `packaging_files`, for the verifier's statement."""
    return manifest_of(packaging_files(requirement, tree))


def _lock_name(names: "_Names") -> str:
    """Return the name of the lock, a requirements file for pip.

    It is not a `pylock.toml`, because this format needs addresses and a lock has only names and hashes.
    """
    return names.free("requirements.lock", "aura-requirements.lock")


def _tests_folder(names: "_Names") -> str:
    return names.free("tests/acceptance", "tests/aura_acceptance", "acceptance", "aura_acceptance")


class _Names:
    """Finder of names that a tree does not use, also on a file system that ignores case."""

    def __init__(self, tree: Collection[str]) -> None:
        self.files = {path.casefold() for path in tree}
        self.folders = {path[:end] for path in self.files for end, sign in enumerate(path) if sign == "/"}
        self.last = {path.rpartition("/")[2] for path in self.files}

    def is_free(self, name: str) -> bool:
        """Return whether no file and no folder has this name, and no file is a parent of it."""
        parts = name.casefold().split("/")
        above = {"/".join(parts[:count]) for count in range(1, len(parts) + 1)}
        return not above & self.files and name.casefold() not in self.folders

    def free(self, *names: str) -> str:
        """Return the first unused name, or the last name with a number."""
        for name in names:
            if self.is_free(name):
                return name
        stem, dot, ending = names[-1].partition(".")
        number = 2
        while not self.is_free(name := f"{stem}_{number}{dot}{ending}"):
            number += 1
        return name


def distribution_name(title: str) -> str:
    """Return a name for the title that Python's packaging accepts."""
    name = re.sub(r"[^a-z0-9]+", "-", title.lower(), flags=re.ASCII).strip("-")[:NAME_CHARS_MAX].strip("-")
    return name or "delivery"


def _pyproject(requirement: Requirement, tree: Collection[str], readme: str, tests: str) -> str:
    name = distribution_name(requirement.title)
    if name in map(project_name, requirement.dependencies):  # a project cannot depend on itself
        name = f"{name}-delivery"
    lines = [
        "[build-system]",
        'requires = ["hatchling"]',
        'build-backend = "hatchling.build"',
        "",
        "[project]",
        f"name = {_toml(name)}",
        'version = "0.1.0"',
        f"description = {_toml(requirement.title)}",
        f"readme = {_toml(readme)}",
        f"requires-python = {_toml('>=' + PYTHON_OLDEST)}",
        f"dependencies = [{', '.join(map(_toml, requirement.dependencies))}]",
    ]
    if requirement.command:
        name, _, target = (part.strip() for part in requirement.command.partition("="))
        lines += ["", "[project.scripts]", f"{_toml(name)} = {_toml(target)}"]
    included = ", ".join(_toml(name) for name in _installed(requirement, tree))
    lines += ["", "[tool.hatch.build.targets.wheel]", f"only-include = [{included}]"]
    if _has_sources(requirement, tree):
        lines.append('sources = ["src"]')
    tested = _toml(tests.partition("/")[0])
    lines += ["", "[tool.pytest.ini_options]", f"testpaths = [{tested}]", 'pythonpath = ["."]', ""]
    return "\n".join(lines)


def _has_sources(requirement: Requirement, tree: Collection[str]) -> bool:
    """Return whether `src` is only a folder for the packages. False if the code imports `src` itself as a package."""
    steps = [step for each in requirement.criteria for case in each.cases for step in case.steps]
    named = [step.target for step in steps] + [(requirement.command or "").partition("=")[2].strip()]
    is_package = "src/__init__.py" in tree or any(target.startswith(("src.", "src:")) for target in named)
    return any(path.startswith("src/") and path.endswith(".py") for path in tree) and not is_package


def _code(tree: Collection[str]) -> list[str]:
    """Return the top-level modules and the folders that contain modules, without tests."""
    tops = {path.partition("/")[0] for path in tree if path.endswith(".py")}
    return sorted(top for top in tops if top not in _NOT_CODE and not top.startswith((".", "test_", "conftest.")))


def _installed(requirement: Requirement, tree: Collection[str]) -> list[str]:
    """Return the code, and the data files and folders next to the modules, because the code may read them."""
    paths = list(tree)
    tops = {path.partition("/")[0] for path in paths if in_scope(path, requirement.scope)}
    data = {top for top in tops if top not in _NOT_CODE and not _ABOUT.match(top) and not top.endswith(".py")}
    return sorted(data | set(_code(paths)))


def _toml(text: str) -> str:
    """Return a TOML basic string. JSON's escapes are valid in TOML, except for the DEL character."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _readme(
    requirement: Requirement, tree: Collection[str], summary: str, tests: str, proof: ProofNames, signed: Signed | None
) -> bytes:
    criteria = "\n".join(f"- {criterion.id}: {_one_line(criterion.says)}" for criterion in requirement.criteria)
    statement = _STATEMENT.format(**proof._asdict()) if signed else ""
    exact, about_lock = "", ""
    if requirement.lock is not None and not requirement.from_base:
        lock = _lock_name(_Names(tree))
        exact, about_lock = _EXACT.format(lock=lock), _ABOUT_LOCK.format(lock=lock)
    return f"""# {_one_line(requirement.title)}

{summary.strip()}

## What it does
{criteria}

## Use
```
python3 -m venv .venv
{exact}.venv/bin/pip install .
```
{about_lock}{_use(requirement, tree)}

## Proof
`{proof.verdict}` is the verdict on this code with its evidence. {statement}\
The acceptance cases{_tried(requirement)} are tests that run anywhere:
```
.venv/bin/pip install pytest
.venv/bin/python -m pytest {tests}
```
""".encode()


def _tried(requirement: Requirement) -> str:
    """Return " and properties" if the delivery also has properties as tests, otherwise an empty text."""
    return " and properties" if any(criterion.properties for criterion in requirement.criteria) else ""


def _start(serve: Serve) -> str:
    """Return the service's command line for a shell, with a port and a folder that the reader can change."""
    given = {"PORT": "8000", "DATA": "data"}
    words = [filled_text(word, given) for word in serve.run]
    words[0] = f".venv/bin/{words[0]}"
    named = "PORT=8000 DATA=data " if serve.data else "PORT=8000 "
    lines = ["```", *(["mkdir -p data"] if serve.data else []), named + " ".join(map(_shell, words)), "```"]
    lines.append(f"It is ready when `GET http://127.0.0.1:8000{serve.ready}` answers with a status of 200 to 299.")
    if serve.data:
        lines.append(f"DATA names the folder for the data of the service. The service was judged with `{serve.data}`.")
    return "\n".join(lines)


def _use(requirement: Requirement, tree: Collection[str]) -> str:
    """Return an example that starts the delivered code: the first `run` case, or the first call from Python."""
    if requirement.serve is not None:
        return _start(requirement.serve)
    steps = [step for criterion in requirement.criteria for case in criterion.cases for step in case.steps]
    if requirement.command:
        name = requirement.command.partition("=")[0].strip()
        argv = next((step.argv[1:] for step in steps if step.action == "run" and step.argv), ())
        return "\n".join(["```", " ".join([f".venv/bin/{name}", *map(_shell, argv)]), "```"])
    calls = [step for step in steps if ":" in step.target and not step.expect.raises]
    lines = [f"import {name.removesuffix('.py')}" for name in _code(tree)[:1]]
    if calls:
        module, _, name = calls[0].target.partition(":")
        given = [*map(literal, calls[0].args), *(f"{key}={literal(value)}" for key, value in calls[0].kwargs.items())]
        lines = [f"from {module} import {name.partition('.')[0]}", "", f"{name}({', '.join(given)})"]
    return "\n".join(["```python", *lines, "```"])


def _shell(word: str) -> str:
    if re.fullmatch(r"[\w@%+=:,./-]+", word, re.ASCII):
        return word
    return "'" + word.replace("'", "'\"'\"'") + "'"


def _one_line(text: str) -> str:
    return " ".join(text.split())
