"""Splitter of a requirement's Markdown into front matter, acceptance blocks and prose, with line numbers."""

import re
from typing import NamedTuple

from verification.requirements.problems import ProblemList, Spot

OWN_KEYS = ("aura", "deliver", "scope", "budget")
"""Keys that distinguish our front matter from the front matter of other programs, such as site generators."""
_OWN_KEY = re.compile(rf"^[ \t]*({'|'.join(OWN_KEYS)})[ \t]*:", re.MULTILINE)
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})[ \t]*([^`\r\n]*)\r?$")


class YamlPart(NamedTuple):
    """The text of one YAML part. `line` is the number of its first line in the file."""

    text: str
    line: int


class Document(NamedTuple):
    """The parts of a file. `front` is the front matter or None. `fence` is the place of the first acceptance block."""

    front: YamlPart | None
    acceptance: tuple[YamlPart, ...]
    prose: str
    fence: Spot | None

    @property
    def is_prose(self) -> bool:
        """Whether the file has no acceptance block, and no front matter with our keys."""
        return not self.acceptance and (self.front is None or not _OWN_KEY.search(self.front.text))


def split(text: str, report: ProblemList) -> Document | None:
    """Return the parts of the file. If the front matter is not closed, report this and return None."""
    lines = text.split("\n")
    front: YamlPart | None = None
    start = 0
    if lines[0].rstrip() == "---":
        end = next((at for at in range(1, len(lines)) if lines[at].rstrip() == "---"), None)
        if end is None and not _OWN_KEY.search(text):
            return _body(lines, 0, None, report)  # the line is a horizontal rule above prose
        if end is None:
            report.add(Spot(1, 1), "the front matter is not closed", "--- on a line of its own below the last key")
            return None
        front = YamlPart("\n".join(lines[1:end]), 2)
        start = end + 1
    return _body(lines, start, front, report)


def _body(lines: list[str], start: int, front: YamlPart | None, report: ProblemList) -> Document:
    prose: list[str] = []
    blocks: list[YamlPart] = []
    first: Spot | None = None
    at = start
    while at < len(lines):
        opening = _FENCE.match(lines[at])
        if not opening:
            prose.append(lines[at])
            at += 1
            continue
        close = _closing(lines, at + 1, opening[1])
        spot = Spot(at + 1, lines[at].index(opening[1]) + 1)
        if close is None:
            report.add(spot, "this fence is not closed", f"{opening[1][:20]} on a line of its own below the block")
            close = len(lines)
        if _is_acceptance(opening[2], spot, report):
            blocks.append(YamlPart("\n".join(lines[at + 1 : close]), at + 2))
            first = first or spot
        else:
            prose.extend(lines[at : close + 1])
        at = close + 1
    return Document(front, tuple(blocks), "\n".join(prose).strip() + "\n", first)


def _closing(lines: list[str], start: int, fence: str) -> int | None:
    mark = re.compile(rf"^ {{0,3}}{re.escape(fence[0])}{{{len(fence)},}}[ \t]*\r?$")
    return next((at for at in range(start, len(lines)) if mark.match(lines[at])), None)


def _is_acceptance(info: str, spot: Spot, report: ProblemList) -> bool:
    words = info.split()
    if words == ["yaml", "acceptance"]:
        return True
    known = {"yaml", "yml", "acceptance", "acceptence", "acceptance:"}
    lowered = [word.lower().strip("{}") for word in words]
    if lowered and set(lowered) <= known and lowered not in (["yaml"], ["yml"]):
        report.add(
            spot, f"`{info.strip()[:60]}` does not mark an acceptance block", "yaml acceptance, after the opening fence"
        )
        return True
    return False
