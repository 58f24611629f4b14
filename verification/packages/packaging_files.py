"""Reader of packaging files: pyproject.toml, setup.cfg and the literal arguments in setup.py. It runs none of them."""

import ast
import configparser
import tomllib
from collections.abc import Mapping
from typing import Any


def setup_call(content: bytes | None) -> dict[str, Any]:
    """Return the literal arguments of `setup(...)` in a setup.py, also arguments that are names of literal values."""
    try:
        module = ast.parse(content or b"")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    constants: dict[str, Any] = {}
    for node in module.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            constants[node.targets[0].id] = _literal(node.value, {})
    arguments: dict[str, Any] = {}
    for call in ast.walk(module):
        if isinstance(call, ast.Call) and getattr(call.func, "id", getattr(call.func, "attr", "")) == "setup":
            arguments |= {each.arg: _literal(each.value, constants) for each in call.keywords if each.arg}
    return {key: value for key, value in arguments.items() if value is not None}


def _literal(node: ast.expr, constants: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Name):
        return constants.get(node.id)
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def assigned_text(content: bytes | None, names: tuple[str, ...]) -> str | None:
    """Return the literal text that a module assigns to one of these names, or None."""
    try:
        module = ast.parse(content or b"")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    for node in ast.walk(module):
        target = (
            node.targets[0]
            if isinstance(node, ast.Assign)
            else node.target
            if isinstance(node, ast.AnnAssign)
            else None
        )
        if isinstance(target, ast.Name) and target.id in names and isinstance(node, ast.Assign | ast.AnnAssign):
            value = _literal(node.value, {}) if node.value is not None else None
            if isinstance(value, str):
                return value
            if isinstance(value, tuple) and value and all(isinstance(part, int | str) for part in value):
                return ".".join(map(str, value))
    return None


def toml_of(content: bytes | None) -> dict[str, Any]:
    try:
        return tomllib.loads((content or b"").decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError):
        return {}


def ini_of(content: bytes | None) -> dict[str, dict[str, str]]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string((content or b"").decode("utf-8", "replace"))
    except configparser.Error:
        return {}
    return {section: dict(parser[section]) for section in parser.sections()}


def table(source: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    for key in path:
        value = source.get(key)
        source = value if isinstance(value, dict) else {}
    return source


def texts(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []
