"""The line of each key in a TOML text. `tomllib` reads the values, but it does not say where they are."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

KeyPath = tuple[str, ...]
_PLACE = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")


class TomlInvalid(Exception):
    """Raised for a text that is not TOML. Line and column count from 1."""

    def __init__(self, line: int, column: int, message: str) -> None:
        super().__init__(message)
        self.line, self.column, self.message = line, column, message


def read_toml(text: str) -> dict[str, Any]:
    """Return the content of a TOML text; numbers with a point are decimals. Raises TomlInvalid."""
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        said = str(error)
        place = _PLACE.search(said)
        line, column = (int(place[1]), int(place[2])) if place and place[1] else (text.count("\n") + 1, 1)
        raise TomlInvalid(line, column, _PLACE.sub("", said)) from None


def lines_of(text: str) -> dict[KeyPath, int]:
    """Return the line on which each table and key first appears. The text must be valid TOML.

    A statement is a table header, or a key with its value. It ends at the first line at which it can be read alone.
    """
    lines: dict[KeyPath, int] = {}
    table: KeyPath = ()
    chunk, start = "", 0
    for number, line in enumerate(text.split("\n"), start=1):
        if not chunk and (not line.strip() or line.lstrip().startswith("#")):
            continue
        chunk, start = (f"{chunk}\n{line}", start) if chunk else (line, number)
        try:
            statement = tomllib.loads(chunk)
        except tomllib.TOMLDecodeError:
            continue  # the value goes on in the next line
        paths = list(_paths(statement))
        if chunk.lstrip().startswith("["):
            table = paths[-1] if paths else ()
            paths = [table[:length] for length in range(1, len(table) + 1)]
        else:
            paths = [(*table, *path) for path in paths]
        for path in paths:
            lines.setdefault(path, start)
        chunk = ""
    return lines


def _paths(content: Mapping[str, Any]) -> Iterator[KeyPath]:
    """Yield the paths of all keys, each before the paths inside it. The items of a list have no paths of their own."""
    for key, value in content.items():
        yield (key,)
        inner = value[0] if isinstance(value, list) and value and isinstance(value[0], dict) else value
        if isinstance(inner, dict):
            yield from ((key, *path) for path in _paths(inner))
