"""The table of paths that could influence a verdict. Python, pytest, git or coding agents read them by themselves.

It is a strike to write such a path outside the scope. It is an honest mistake to write another path outside the scope.
"""

import configparser
import sys
import tomllib
from collections.abc import Callable, Mapping
from typing import Any

INTERPRETER_NAMES = frozenset({"sitecustomize.py", "usercustomize.py", "sitecustomize", "usercustomize", "__pycache__"})
INTERPRETER_ENDINGS = (".pth", ".dist-info", ".egg-info", ".egg-link", ".pyc", ".pyo")
TEST_NAMES = frozenset({"conftest.py", "pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml"})
PYPROJECT = "pyproject.toml"
"""This file contains settings of pytest and of other tools. So only the settings of pytest are removed."""
CONFIGURATION_NAMES = frozenset({"tox.ini", "setup.cfg"})
AGENT_NAMES = frozenset(
    {
        "agents.md",
        "agents.override.md",
        "claude.md",
        "claude.local.md",
        "gemini.md",
        "qwen.md",
        ".claude",
        ".codex",
        ".gemini",
        ".qwen",
        ".opencode",
        ".cursor",
        ".cursorrules",
        ".windsurfrules",
        ".clinerules",
        ".aider.conf.yml",
        ".mcp.json",
        "opencode.json",
        "copilot-instructions.md",
    }
)
GIT_NAMES = frozenset({".gitattributes", ".gitmodules", ".gitconfig"})
JUDGE_MODULES = frozenset({"pytest", "_pytest", "pluggy", "iniconfig", "hypothesis"})
"""Modules of the judge's own tools."""
_ROOTS = ("src/",)


def steers(path: str) -> bool:
    """Return whether pytest or the interpreter automatically reads a file with this name."""
    names = INTERPRETER_NAMES | TEST_NAMES | CONFIGURATION_NAMES
    return any(part in names or part.endswith(INTERPRETER_ENDINGS) for part in path.casefold().split("/"))


def configures(path: str) -> bool:
    """Return whether a file with this name steers a verdict, or may contain settings that steer it."""
    parts = path.casefold().split("/")
    return steers(path) or parts[-1] == PYPROJECT or bool(AGENT_NAMES.intersection(parts)) or parts[-1] in GIT_NAMES


def steering_reason(path: str, content: bytes | None, before: bytes | None) -> str:
    """Return how a written path could influence a verdict, as the end of a sentence. Empty: it has no influence.

    `content` is None for a deleted file. `before` is the earlier content, or None for a new file.
    """
    parts = path.casefold().split("/")
    if any(part in INTERPRETER_NAMES or part.endswith(INTERPRETER_ENDINGS) for part in parts):
        return "is read by Python before any test runs"
    if parts[-1] in TEST_NAMES:
        return "changes how pytest finds, runs and reports tests"
    if parts[-1] in _SECTIONS and _pytest_section(parts[-1], content) != _pytest_section(parts[-1], before):
        return "changes pytest's configuration"
    if AGENT_NAMES.intersection(parts):
        return "gives instructions to coding agents"
    if parts[-1] in GIT_NAMES:
        return "changes what git reads and writes"
    if content is not None and (module := shadowed_module(path)):
        return f"replaces the module {module}"
    return ""


def shadowed_module(path: str) -> str:
    """Return the name of a module of Python or of the judge that the file would replace; empty if there is none."""
    inside = next((path.removeprefix(root) for root in _ROOTS if path.startswith(root)), path)
    name, slash, _ = inside.partition("/")
    if not inside.endswith((".py", ".so")):
        return ""
    module = name if slash else name.partition(".")[0]
    return module if module in sys.stdlib_module_names | JUDGE_MODULES else ""


def _pytest_section(name: str, content: bytes | None) -> object:
    """Return a file's settings for pytest; None if it has no such settings.

    If the file cannot be parsed but contains the word "pytest", return its whole content.
    """
    if content is None:
        return None
    try:
        return _SECTIONS[name](content.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, configparser.Error, RecursionError):
        return content if b"pytest" in content else None


def _of_toml(text: str) -> Any:
    tool = tomllib.loads(text).get("tool")
    return tool.get("pytest") if isinstance(tool, dict) else None


def _of_ini(section: str) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        parser = configparser.RawConfigParser(strict=False)
        parser.read_string(text)
        return dict(parser.items(section)) if parser.has_section(section) else None

    return read


_SECTIONS: Mapping[str, Callable[[str], Any]] = {
    PYPROJECT: _of_toml,
    "setup.cfg": _of_ini("tool:pytest"),
    "tox.ini": _of_ini("pytest"),
}
"""Maps each file that steers tests only through its pytest section to the parser of that section."""
