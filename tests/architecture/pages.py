"""The names on a page: the targets of its links (files, symbols, headings), and the commands in its code."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import typer

from director.cli.main import app

_LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]+)\]\((?P<target>[^)\s]+)\)")
_IMAGE = re.compile(r"!\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_FENCE = re.compile(r"^(?P<fence>```+|~~~+)[^\n]*\n(?P<body>.*?)^(?P=fence)\s*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*(?=[\s=\]|,]|$)")
_AURA = re.compile(r"(?:(?:^|[\s(])(?:\.venv/bin/)?aura|compose run .*director) (?P<rest>[^`]*)$")
_MAKE = re.compile(r"^make(?: (?P<rest>.*))?$")
_END = re.compile(r"\s#|\s?&&|\s?\|\s|;|\s>|\)")
"""The end of one command in a line of shell."""


def broken_links(page: Path, root: Path) -> list[str]:
    """Name each link of a page whose file, heading or symbol does not exist."""
    text = page.read_text(encoding="utf-8")
    prose = _FENCE.sub("", text)
    targets = [(match["text"], match["target"]) for match in _LINK.finditer(prose)]
    targets += [("", match["target"]) for match in _IMAGE.finditer(prose)]
    return [wrong for text, target in targets if (wrong := _fault(text, target, page, root))]


def _fault(text: str, target: str, page: Path, root: Path) -> str:
    if target.startswith(("http://", "https://", "mailto:")):
        return ""
    path, _, anchor = target.partition("#")
    file = (page.parent / path).resolve() if path else page
    if not file.is_relative_to(root) or not file.exists():
        return f"{target}: there is no such file"
    if anchor and anchor not in slugs(file.read_text(encoding="utf-8")):
        return f"{target}: the page has no such heading"
    named = re.fullmatch(r"`([\w.]+)`", text)
    if named and file.suffix == ".py" and named[1] not in symbols(file.read_text(encoding="utf-8")):
        return f"{target}: the file defines no {named[1]}"
    return ""


def slugs(text: str) -> set[str]:
    """Return the anchors of a page's headings in GitHub's form."""
    found: set[str] = set()
    for heading in _HEADING.findall(_FENCE.sub("", text)):
        slug = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", heading).lower()).replace(" ", "-")
        found.add(next(name for n in range(100) if (name := f"{slug}-{n}" if n else slug) not in found))
    return found


def symbols(source: str) -> set[str]:
    """Return the names that a file defines: `name`, `Class`, `Class.member`."""
    return set(_defined(ast.parse(source), ""))


def _defined(tree: ast.Module | ast.ClassDef, prefix: str) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield f"{prefix}{node.name}"
        if isinstance(node, ast.ClassDef):
            yield from _defined(node, f"{prefix}{node.name}.")
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        yield from (f"{prefix}{target.id}" for target in targets if isinstance(target, ast.Name))


def code_of(text: str) -> Iterator[str]:
    """Yield each line of the fenced blocks, and each code span of the prose."""
    for fence in _FENCE.finditer(text):
        yield from fence["body"].replace("\\\n", " ").splitlines()
    yield from _CODE.findall(_FENCE.sub("", text))


def options_of_commands() -> dict[str, set[str]]:
    """Return every `aura` command with its options."""
    found: dict[str, set[str]] = {}

    def walk(command: object, name: str) -> None:
        found[name] = {
            option for each in getattr(command, "params", []) for option in each.opts + each.secondary_opts
        } | {"--help", "-h"}
        for below, inner in getattr(command, "commands", {}).items():
            walk(inner, f"{name} {below}".strip())

    walk(typer.main.get_command(app), "")
    return found


def wrong_aura(text: str, known: Mapping[str, set[str]]) -> list[str]:
    """Name each `aura` command on a page that does not exist or does not have the option."""
    wrong: list[str] = []
    for line in code_of(text):
        for part in re.split(r"&&|\||\$\(", line.strip().removeprefix("$ ")):
            if (match := _AURA.search(part)) and (fault := _wrong(match["rest"], known)):
                wrong.append(fault)
    return wrong


def _wrong(rest: str, known: Mapping[str, set[str]]) -> str:
    rest = _END.split(rest, maxsplit=1)[0]
    words = rest.split()
    names = [word for word in words[:2] if re.fullmatch(r"[a-z][a-z-]*", word)]
    if words[:1] and not names and not words[0].startswith("-"):
        return ""  # a placeholder: aura COMMAND, aura …
    name = " ".join(names)
    if name not in known:
        name = names[0] if names else ""
    if name not in known:
        return f"aura {name}: there is no such command"
    unknown = [option for option in _OPTION.findall(rest) if option not in known[name]]
    return f"aura {name} has no {unknown[0]}" if unknown else ""


def wrong_make(text: str, makefile: str) -> list[str]:
    """Name each `make` command on a page whose target or variable is not in the Makefile."""
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    variables = set(re.findall(r"\$[({](?:if \$\()?([A-Z]+)", makefile))
    wrong: list[str] = []
    for line in code_of(text):
        for part in re.split(r"&&|;", line.strip().removeprefix("$ ")):
            match = _MAKE.match(_END.split(part.strip(), maxsplit=1)[0])
            for word in (match["rest"] or "").split() if match else ():
                name, is_set, _ = word.partition("=")
                if name not in (variables if is_set else targets):
                    wrong.append(f"make {word}")
    return wrong
