"""The sections of a prompt, and the rules that shorten them if they do not all fit.

The sections in order of importance: criteria with their examples, the forms of answers, prose, comments of people,
feedback, files in scope, visible tests, the previous answer, the listing, and the files that the files in scope import.
The last sections are cut first. The prompt states each cut. Text of other people, also the name of a file, is inside a
fence.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from agents.briefs.brief import Brief
from agents.briefs.excerpts import cut, fenced, lines_of, outline, parts_within
from agents.briefs.fence import Fence
from domain.judgement import REVIEW

SHARES: Mapping[str, float] = {"tests": 0.2, "previous": 0.15, "listing": 0.05, "neighbours": 0.05}
"""Later section -> share of the space that is reserved for it before the earlier sections get space. A section gets
only the space that it needs.
"""
PROSE_SHARE = 0.5
PART_BYTES_MIN = 400
"""A part of a file with fewer bytes than this is not useful, so it is omitted."""
NAMED_MAX = 60
"""Maximum number of files that are listed as not shown. Further files are only counted."""
_IDENTIFIER = re.compile(r"`([A-Za-z_][\w.]*)(?:\(|`)")
Render = Callable[[int | None], str]


class Section(NamedTuple):
    """One section of a prompt. `render` returns its text with at most that number of bytes; None: the whole text."""

    name: str
    render: Render


class Sections:
    """The text of a prompt with a limited number of bytes. `partial`: files in scope that the text does not show
    completely.
    """

    def __init__(self, brief: Brief, fence: Fence, feedback_max: int, decline: str, bytes_max: int | None) -> None:
        self._brief = brief
        self._fence = fence
        self._feedback_max = feedback_max
        self._decline = decline
        self._bytes_max = bytes_max
        self.partial: frozenset[str] = frozenset()

    def text(self) -> str:
        """Return all sections in the order of the prompt."""
        whole = self._whole()
        if self._bytes_max is None or _size(whole.values()) <= self._bytes_max:
            return _joined(whole)
        return _joined(self._fitted(self._bytes_max, whole))

    def _whole(self) -> dict[str, str]:
        return {section.name: section.render(None) for section in self._sections()}

    def _sections(self) -> list[Section]:
        feedback = self._feedback_max > 0
        return [
            Section("task", self._task),
            Section("criteria", self._criteria),
            Section("tests", self._tests),
            Section("files", self._files),
            Section("neighbours", self._neighbours),
            Section("listing", self._listing),
            Section("previous", self._previous if feedback else _nothing),
            Section("feedback", self._feedback if feedback else _nothing),
            Section("comments", self._comments),
            Section("form", self._form),
        ]

    def _fitted(self, bytes_max: int, whole: Mapping[str, str]) -> dict[str, str]:
        """Fit each section into the remaining space, the most important section first.

        The form of the answer is made last, because it lists the files that are shown only in part.
        """
        sections = {section.name: section for section in self._sections()}
        texts: dict[str, str] = {}
        left = bytes_max - len(self._decline.encode()) - 2 * len(sections)
        self.partial = frozenset(self._brief.base_files)
        left -= len(self._form(None).encode())
        for name in ("criteria", "task", "comments", "feedback"):
            share = left if name == "criteria" else int(left * PROSE_SHARE)
            texts[name] = sections[name].render(max(0, share))
            left -= len(texts[name].encode())
        kept = ["files", "tests", "previous", "listing", "neighbours"]
        needs = {name: len(whole[name].encode()) for name in kept}
        room = max(0, left)
        for index, name in enumerate(kept):
            later = sum(min(needs[other], int(room * SHARES[other])) for other in kept[index + 1 :])
            texts[name] = sections[name].render(max(0, left - later))
            left -= len(texts[name].encode())
        texts["form"] = self._form(None)
        return {name: texts[name] for name in sections}

    def _marked(self, head: str, kind: str, body: Render, bytes_max: int | None) -> str:
        """Return a section: our own line, then the text of other people as data."""
        used = len(head.encode()) + 1 + self._fence.size(kind)
        text = body(None if bytes_max is None else max(0, bytes_max - used))
        return f"{head}\n{self._fence.data(kind, text)}" if text else ""

    def _task(self, bytes_max: int | None) -> str:
        brief = self._brief
        own = brief.instructions or "Do what this requirement describes."
        lines = [f"Project: {brief.title}", brief.prose]
        if brief.signatures:
            lines.append("It needs: " + ", ".join(f"`{signature}`" for signature in brief.signatures) + ".")
        text = "\n".join(line for line in lines if line)
        note = "(The rest of this text is not shown.)"
        return self._marked(own, "the requirement", lambda left: _within(text, left, note), bytes_max)

    def _criteria(self, bytes_max: int | None) -> str:
        text = "\n\n".join("\n".join([each.says.strip(), *each.examples]) for each in self._brief.criteria)
        note = "(More examples are not shown.)"
        head = "Its criteria:"
        return self._marked(head, "criteria", lambda left: _within(text, left, note), bytes_max)

    def _tests(self, bytes_max: int | None) -> str:
        suites, head = self._brief.suites, "These tests must pass. They are not to be written."
        return self._marked(head, "tests", lambda left: "\n\n".join(self._shown(suites, left, 0, "")[0]), bytes_max)

    def _files(self, bytes_max: int | None) -> str:
        return self._marked("The files in scope, as they are now:", "files", self._file_blocks, bytes_max)

    def _file_blocks(self, bytes_max: int | None) -> str:
        brief = self._brief
        left_out = [f"{path}: {why}" for path, why in brief.not_shown.items()]
        note = _named("These files in scope are not shown", left_out)
        blocks, partial = self._shown(brief.base_files, bytes_max, len(note.encode()), " now")
        self.partial = frozenset(partial)
        return "\n\n".join(part for part in [*blocks, note] if part)

    def _neighbours(self, bytes_max: int | None) -> str:
        head = "They import these files, which are not to be written:"
        return self._marked(head, "files", self._neighbour_blocks, bytes_max)

    def _neighbour_blocks(self, left: int | None) -> str:
        blocks: list[str] = []
        for path, text in self._brief.neighbours.items():
            for shown in (f"{path}\n{fenced(text)}", f"{path}, its definitions\n{fenced(outline(text))}"):
                size = len(shown.encode()) + 2
                if left is None or size <= left:
                    left = None if left is None else left - size
                    blocks.append(shown)
                    break
        return "\n\n".join(blocks)

    def _listing(self, bytes_max: int | None) -> str:
        if bytes_max is not None and bytes_max < PART_BYTES_MIN:
            return ""
        text = "\n".join(self._brief.listing)
        return self._marked(
            "The files of the project:", "paths", lambda left: _within(text, left, "(and more)"), bytes_max
        )

    def _previous(self, bytes_max: int | None) -> str:
        previous = self._brief.previous
        if previous is None or (bytes_max is not None and bytes_max < PART_BYTES_MIN):
            return ""
        note = "(The rest of that answer is not shown.)"

        def answer(left: int | None) -> str:
            return fenced(_within(previous.text, None if left is None else left - 20, note))

        return self._marked("This was the answer before:", "an answer", answer, bytes_max)

    def _feedback(self, bytes_max: int | None) -> str:
        head = "That answer was not accepted:" if self._brief.previous else "Earlier attempts were rejected:"
        return self._marked(head, "findings", self._feedback_lines, bytes_max)

    def _comments(self, bytes_max: int | None) -> str:
        head = "People who read earlier work on this task ask for this, within the requirement and the scope:"
        text = "\n\n".join(self._brief.comments)
        note = "(The rest of the comments is not shown.)"
        return self._marked(head, "comments", lambda left: _within(text, left, note), bytes_max)

    def _feedback_lines(self, bytes_max: int | None) -> str:
        lines = [f"- {line}" for line in self._brief.feedback[-self._feedback_max :]]
        while bytes_max is not None and lines and len("\n".join(lines).encode()) > bytes_max:
            lines.pop(0)
        return "\n".join(lines)

    def _form(self, _: int | None) -> str:
        brief = self._brief
        if brief.task == REVIEW:
            return self._decline
        parts = [_FORMS if brief.base_files or brief.previous else _FORMS_OF_NEW_FILES]
        parts.append(f"Only these paths may be written: {', '.join(brief.paths)}. Anything else is left out.")
        if brief.base_files:
            parts.append(_DELETE_AND_RENAME)
        if self.partial:
            parts.append("Files of which only parts or nothing is shown can be edited and not given whole.")
        if brief.previous is not None and self._feedback_max > 0 and brief.previous.files:
            parts.append(_OF_PREVIOUS)
        return "\n\n".join([*parts, *([self._decline] if self._decline else [])])

    def _shown(
        self, texts: Mapping[str, str], bytes_max: int | None, used: int, note: str
    ) -> tuple[list[str], list[str]]:
        """Return files as blocks, and the paths of files that are not shown completely. Files that the task names come
        first.
        """
        left = None if bytes_max is None else bytes_max - used - 2
        blocks: list[str] = []
        partial: list[str] = []
        unseen: list[str] = []
        for path in sorted(texts, key=self._rank):
            shown = f"{path} holds{note}:\n{fenced(texts[path])}"
            if left is not None and len(shown.encode()) + 2 > left:
                partial.append(path)
                shown = self._parts(path, texts[path], left)
                if not shown:
                    unseen.append(f"{path} ({texts[path].count(chr(10))} lines)")
                    continue
            blocks.append(shown)
            left = None if left is None else left - len(shown.encode()) - 2
        if unseen:
            blocks.append(_named("There is no room for these files", unseen))
        return blocks, partial

    def _parts(self, path: str, text: str, bytes_max: int) -> str:
        """Return the parts of a long file that fit, each with its number and its lines."""
        room = bytes_max - 12 * len(path) - 600
        if room < PART_BYTES_MIN:
            return ""
        parts = parts_within(text, self._names(), room)[:12]
        total = text.count("\n") + (not text.endswith("\n"))
        blocks = [f"{path} has {total} lines. These parts of it are shown:"]
        for number, part in enumerate(parts, 1):
            head = f"{path}, part {number} of {len(parts)}, lines {part.first} to {part.last}:"
            blocks.append(f"{head}\n{fenced(lines_of(text, part))}")
        shown = "\n\n".join(blocks)
        return shown if len(shown.encode()) <= bytes_max else ""

    def _rank(self, path: str) -> tuple[bool, bool, str]:
        """Return a sort key: first files that a case calls, then files that the prose names, then all other files."""
        module = path.removesuffix(".py").removesuffix("/__init__").removeprefix("src/").replace("/", ".")
        named = path in self._brief.prose or path.rpartition("/")[2] in self._brief.prose
        return module not in self._brief.definitions, not named, path

    def _names(self) -> set[str]:
        """Return the identifiers in the texts and signatures of the task."""
        brief = self._brief
        text = "\n".join([brief.prose, *(each.says for each in brief.criteria), *brief.feedback])
        names = {name.rpartition(".")[2] for name in _IDENTIFIER.findall(text)}
        names |= {name for defined in brief.definitions.values() for name in defined}
        return names | {signature.partition(" ")[2].partition("(")[0] for signature in brief.signatures}


_FORMS_OF_NEW_FILES = (
    """Give each file whole, in a fenced code block of its own that begins with ```python path=FILE."""
)
_FORMS = """Answer with the change. Each file of it has one of these three forms:
1. The whole file, in a fenced block that begins with ```python path=FILE.
2. A unified diff, in a block that begins with ```diff, with the lines `--- a/FILE` and `+++ b/FILE`.
3. Search and replace, below a line with the file's path. The lines to search stand in the file exactly once:
FILE
<<<<<<< SEARCH
lines as they are
=======
lines as they shall be
>>>>>>> REPLACE"""
_DELETE_AND_RENAME = "To delete a file, write a line `DELETE: path`. To rename one, write `RENAME: old -> new`."
_OF_PREVIOUS = (
    "An edit may be of the answer before or of the file as it is now. If it is of the answer before, the other files "
    "of that answer stay."
)


def _nothing(_: int | None) -> str:
    return ""


def _named(head: str, names: Iterable[str]) -> str:
    """Return a line with up to NAMED_MAX names and the number of the remaining names."""
    listed = sorted(names)
    more = f" and {len(listed) - NAMED_MAX} more" if len(listed) > NAMED_MAX else ""
    return f"{head}: {', '.join(listed[:NAMED_MAX])}{more}." if listed else ""


def _within(text: str, bytes_max: int | None, note: str) -> str:
    return text if bytes_max is None else cut(text, bytes_max, note)


def _joined(texts: Mapping[str, str]) -> str:
    return "\n\n".join(text for text in texts.values() if text)


def _size(texts: Iterable[str]) -> int:
    return sum(len(text.encode()) + 2 for text in texts)
