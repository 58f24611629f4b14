"""Parsers of files and edits inside JSON, tags, tool calls that are written as text, and shell commands."""

import html
import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from typing import Any

from agents.employees.answer_reader.changes import Proposal
from agents.employees.answer_reader.diffs import diff_proposals, has_search, is_diff, search_edits
from agents.employees.answer_reader.edits import Edit

DEPTH_MAX = 8
"""Maximum depth of nested objects and lists that is searched."""
ITEMS_MAX = 256
_PATHS = ("path", "file_path", "filepath", "filename", "file_name", "file", "target_file", "name", "source")
_CONTENTS = ("content", "contents", "code", "text", "file_text", "source_code", "body", "data", "file_content", "value")
_OLDS = ("old_string", "old_str", "old_text", "search", "old", "original", "find")
_NEWS = ("new_string", "new_str", "new_text", "replace", "replacement", "new", "updated", "replace_with")
_WRAPPERS = (
    "arguments",
    "parameters",
    "input",
    "args",
    "function",
    "files",
    "edits",
    "changes",
    "tool_calls",
    "calls",
    "result",
    "answer",
    "output",
    "response",
    "documents",
)
_FENCED = re.compile(r"\A\s*(`{3,}|~{3,})[^\n`]*\n(.*?)\n?[ \t]*\1[ \t]*\s*\Z", re.DOTALL)
_CDATA = re.compile(r"\A\s*<!\[CDATA\[\n?(.*?)\]\]>\s*\Z", re.DOTALL)
_CHILD = re.compile(r"<(?:parameter(?:\s+name=[\"']?|=))?([A-Za-z_]\w*)[\"']?(?:\s[^<>]*)?>")
_HEREDOC = re.compile(r"^[ \t>$]*(?:sudo )?((?:cat|tee)\b.*?<<(-?)\s*[\"'\\]?([A-Za-z_]\w*)[\"']?.*)$")
_INTO = re.compile(r"(?:>{1,2}\||>{1,2}|\btee\b(?:\s+-a)?)\s*([\"']?)([^\s\"'<>|;&]+)\1")
_GIT_REMOVES = re.compile(r"^[ \t$]*git (rm|mv)\s+(?:-\w+\s+)*([^\s;&|]+)(?:\s+([^\s;&|]+))?\s*$", re.MULTILINE)


def json_value(text: str) -> Any:
    """Return the first JSON value of a text, or None. Line ends inside strings are accepted."""
    begin = min((at for at in (text.find("{"), text.find("[")) if at >= 0), default=-1)
    if begin < 0:
        return None
    try:
        value, _ = json.JSONDecoder(strict=False).raw_decode(text, begin)
    except (ValueError, RecursionError):
        return None
    return value


def answer_text(value: Any) -> str:
    """Return the only text with line ends or fences in a JSON object: code, or an answer with blocks. Otherwise return
    an empty text.
    """
    if not isinstance(value, dict):
        return ""
    texts = [text for text in value.values() if isinstance(text, str) and ("\n" in text or "```" in text)]
    return texts[0] if len(texts) == 1 else ""


def json_proposals(value: Any, depth: int = 0) -> Iterator[Proposal]:
    """Yield the changes in a JSON value, in any of the usual forms."""
    if depth > DEPTH_MAX:
        return
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        yield from json_proposals(json_value(value), depth + 1)
    elif isinstance(value, list):
        for item in value[:ITEMS_MAX]:
            yield from json_proposals(item, depth + 1)
    elif isinstance(value, dict):
        yield from _object_proposals(value, depth)


def _object_proposals(value: Mapping[str, Any], depth: int) -> Iterator[Proposal]:
    proposal = _change_of(value)
    if proposal is not None:
        yield proposal
        return
    for path in _strings(value.get("deleted") or value.get("delete")):
        yield Proposal("delete", path=path)
    found = False
    for key in _WRAPPERS:
        if key in value:
            for proposal in json_proposals(value[key], depth + 1):
                found = True
                yield proposal
    if found:
        return
    for path, content in list(value.items())[:ITEMS_MAX]:
        if isinstance(content, str) and _may_be_path(path):
            yield Proposal("whole", path=path, content=content)
        elif content is None and _may_be_path(path):
            yield Proposal("delete", path=path)
        elif isinstance(content, dict) and (text := _text_in(content, _CONTENTS)) is not None and _may_be_path(path):
            yield Proposal("whole", path=path, content=text)


def _change_of(value: Mapping[str, Any]) -> Proposal | None:
    """Return the change in an object that names one file: its content, its edits, its rename or its deletion."""
    path = next((text for key in _PATHS if isinstance(text := value.get(key), str) and _may_be_path(text)), None)
    if path is None:
        return None
    act = str(value.get("action") or value.get("command") or value.get("operation") or value.get("type") or "").lower()
    if act in ("delete", "remove", "deleted"):
        return Proposal("delete", path=path)
    target = value.get("new_path") or value.get("to") or value.get("destination")
    if isinstance(target, str) and act in ("rename", "move", ""):
        return Proposal("rename", path=path, target=target)
    pairs = value.get("edits") or value.get("replacements") or value.get("diffs")
    listed = [_edit_of(pair) for pair in pairs[:ITEMS_MAX]] if isinstance(pairs, list) else [_edit_of(value)]
    edits = tuple(edit for edit in listed if edit is not None)
    if edits and len(edits) == len(listed):
        return Proposal("edit", path=path, edits=edits, created=all(not edit.old for edit in edits))
    diff = value.get("diff") or value.get("patch")
    if isinstance(diff, str):
        return diff_or_search(diff, path)
    content = _text_in(value, _CONTENTS)
    return Proposal("whole", path=path, content=content) if content is not None else None


def _edit_of(value: Any) -> Edit | None:
    if not isinstance(value, dict):
        return None
    old, new = _text_in(value, _OLDS), _text_in(value, _NEWS)
    return Edit(_edit_lines(old), _edit_lines(new)) if old is not None and new is not None else None


def _edit_lines(text: str) -> tuple[str, ...]:
    lines = text.replace("\r\n", "\n").split("\n")
    return tuple(lines[:-1] if not lines[-1] else lines)


def _text_in(value: Mapping[str, Any], keys: tuple[str, ...]) -> str | None:
    for key in keys:
        text = value.get(key)
        if isinstance(text, str):
            return text
        if isinstance(text, list) and text and all(isinstance(line, str) for line in text):
            return "\n".join(line.removesuffix("\n") for line in text) + "\n"
    return None


def _strings(value: Any) -> list[str]:
    if isinstance(value, list):
        return [text for text in value[:ITEMS_MAX] if isinstance(text, str)]
    return [value] if isinstance(value, str) else []


def _may_be_path(text: str) -> bool:
    """Return whether a JSON key or value may be a path: one line that ends like a name and contains no assignment."""
    return 0 < len(text) <= 400 and "\n" not in text and bool(re.search(r"[\w)\]]$", text)) and " = " not in text


def diff_or_search(text: str, path: str) -> Proposal | None:
    """Return the change of one known file from a diff or from search-and-replace blocks. Return None if the text has no
    such change.
    """
    if has_search(text):
        found = [edit for _, edit in search_edits(text)]
        edits = tuple(edit for edit in found if edit is not None)
        if not edits or len(edits) != len(found):
            return None
        return Proposal("edit", path=path, edits=edits, created=all(not edit.old for edit in edits))
    if is_diff(text):
        return next((proposal._replace(path=proposal.path or path) for proposal in diff_proposals(text)), None)
    return None


def element_proposals(name: str, stated: str, content: str) -> Iterator[Proposal]:
    """Yield the changes of one element. The path of the element is in its attributes or in its children."""
    children = _children(content)
    path = stated or _text_in(children, _PATHS) or ""
    path = path.strip()
    lowered = name.lower()
    if path and lowered.startswith(("delete", "remove")):
        yield Proposal("delete", path=path)
        return
    if not path and (value := json_value(content)) is not None and content.lstrip()[:1] in ("{", "["):
        yield from json_proposals(value)
        return
    old, new = _text_in(children, _OLDS), _text_in(children, _NEWS)
    if path and old is not None and new is not None:
        yield Proposal("edit", path=path, edits=(Edit(_edit_lines(_inside(old)), _edit_lines(_inside(new))),))
        return
    text = _text_in(children, ("diff", "patch"))
    if path and text is not None and (proposal := diff_or_search(text.strip("\n"), path)) is not None:
        yield proposal
        return
    inner = _text_in(children, _CONTENTS)
    if path and inner is None and (proposal := diff_or_search(content, path)) is not None:
        yield proposal
    elif path and (inner is not None or not children):
        yield Proposal("whole", path=path, content=_inside(content if inner is None else inner))


def _children(content: str) -> dict[str, str]:
    """Return the texts of the elements at the beginning of an element, by name. Return {} if there are none."""
    children: dict[str, str] = {}
    at = 0
    while len(children) < 16:
        opened = _CHILD.search(content, at)
        if opened is None or content[at : opened.start()].strip():
            break
        name = opened.group(1)
        parameter = content.startswith("<parameter", opened.start())
        closing = "</parameter>" if parameter else f"</{name}>"
        last = name.lower() in _CONTENTS
        closes = content.rfind(closing) if last and not parameter else content.find(closing, opened.end())
        if closes < opened.end():
            break
        if name.lower() not in (
            *_PATHS,
            *_CONTENTS,
            *_OLDS,
            *_NEWS,
            "diff",
            "patch",
            "command",
            "description",
            "action",
        ):
            break
        children[name.lower()] = content[opened.end() : closes]
        at = closes + len(closing)
    return children


def _inside(text: str) -> str:
    """Return the content of an element without its wrapping: an empty first line, CDATA, a fence, or HTML entities."""
    if cdata := _CDATA.match(text):
        return cdata.group(1)
    if fenced := _FENCED.match(text):
        return fenced.group(2) + "\n"
    text = text.removeprefix("\n")
    if "&lt;" in text and "<" not in text:
        return html.unescape(text)
    return text


def _written(opened: re.Match[str], lines: list[str]) -> Iterator[Proposal]:
    """Yield the file that one heredoc writes or appends to."""
    command, dash, _ = opened.groups()
    into = _INTO.search(command.replace("<<", " ", 1))
    if into is None:
        return
    path, written = into.group(2), [line.lstrip("\t") if dash else line for line in lines]
    if ">>" in command or "tee -a" in command:
        yield Proposal("edit", path=path, edits=(Edit((), tuple(written), append=True),), created=True)
    else:
        yield Proposal("whole", path=path, content="".join(f"{line}\n" for line in written))


def shell_proposals(content: str) -> Iterator[Proposal]:
    """Yield the files that shell commands write by heredocs, and the files that git removes or moves."""
    lines = content.split("\n")
    at: dict[str, list[int]] = {}
    for number, line in enumerate(lines):
        at.setdefault(line.strip(" \t>"), []).append(number)
    begin = 0
    while begin < len(lines):
        opened = _HEREDOC.match(lines[begin])
        ends = at.get(opened.group(3), []) if opened else []
        end = ends[bisect_right(ends, begin)] if bisect_right(ends, begin) < len(ends) else None
        if opened is not None and end is not None:
            yield from _written(opened, lines[begin + 1 : end])
        begin = end + 1 if end is not None else begin + 1
    for matched in _GIT_REMOVES.finditer(content):
        act, path, target = matched.groups()
        if act == "rm":
            yield Proposal("delete", path=path)
        elif target:
            yield Proposal("rename", path=path, target=target)
