"""The git attributes of a base, from its own `.gitattributes` files, and the conversions of files that they set."""

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Literal

from dulwich.attrs import AttributeValue, Pattern, compile_gitattributes_patterns, match_path, parse_git_attributes

FILE = ".gitattributes"
_BINARY: Mapping[bytes, AttributeValue] = {b"diff": False, b"merge": False, b"text": False}
_MACRO = b"[attr]"

Line = tuple[Pattern, Mapping[bytes, AttributeValue]]


@dataclass(frozen=True)
class Conversion:
    """The conversion of a file between git's objects and a working tree.

    `text`: whether line ends are converted; with `auto`, the content decides. `crlf`: whether the working tree has
    CRLF. `encoding`: the encoding in the working tree. `ident`: whether `$Id$` is replaced. `driver`: the name of the
    external program that converts the file.
    """

    text: Literal["yes", "no", "auto"] = "no"
    crlf: bool = False
    encoding: str = ""
    ident: bool = False
    driver: str = ""


class Attributes:
    """Attributes by path.

    A `.gitattributes` file in a deeper folder overrides files in the folders above. In one file, later lines override
    earlier lines.
    """

    def __init__(self, base: Mapping[str, bytes]) -> None:
        self._macros: dict[bytes, Mapping[bytes, AttributeValue]] = {b"binary": _BINARY}
        self._lines: list[Line] = []
        files = [path for path in base if path.rpartition("/")[2] == FILE]
        for path in sorted(files, key=lambda path: (path.count("/"), path)):
            self._read(path.rpartition("/")[0], base[path])
        self._lines = [(pattern, self._with_macros(values)) for pattern, values in self._lines]

    def _read(self, folder: str, content: bytes) -> None:
        entries: list[tuple[bytes, Mapping[bytes, AttributeValue]]] = []
        for pattern, values in parse_git_attributes(BytesIO(content.removeprefix(b"\xef\xbb\xbf"))):
            if pattern.startswith(_MACRO) and not folder:
                self._macros[pattern.removeprefix(_MACRO)] = values
            elif not pattern.startswith((_MACRO, b"!")):
                entries.append((pattern, values))
        self._lines += compile_gitattributes_patterns(entries, base=folder.encode())

    def conversion_of(self, path: str) -> Conversion:
        """Return the conversion of the file at a path."""
        values = match_path(self._lines, path.encode())
        text, eol = values.get(b"text", values.get(b"crlf")), values.get(b"eol")
        kind: Literal["yes", "no", "auto"] = "no"
        if text is not False:
            implied = eol in (b"lf", b"crlf")
            kind = "auto" if text == b"auto" else "yes" if implied or text in (True, b"input") else "no"
        return Conversion(
            text=kind,
            crlf=eol == b"crlf",
            encoding=_name(values.get(b"working-tree-encoding")),
            ident=values.get(b"ident") is True,
            driver=_name(values.get(b"filter")),
        )

    def _with_macros(self, values: Mapping[bytes, AttributeValue]) -> Mapping[bytes, AttributeValue]:
        known = [name for name, value in values.items() if value is True and name in self._macros]
        expanded = {name: value for macro in known for name, value in self._macros[macro].items()}
        return {**expanded, **values}


def _name(value: AttributeValue) -> str:
    return value.decode("ascii", "replace") if isinstance(value, bytes) else ""
