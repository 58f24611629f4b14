"""Assembly of a change. Each file gets its best whole version, or its edits are applied to the text that the author
saw.
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from agents.briefs.brief import Brief
from agents.employees.answer_reader.candidates import SOURCE_SCORES, Candidate
from agents.employees.answer_reader.edits import Edit, edited
from agents.employees.answer_reader.languages import suffix_of
from agents.employees.answer_reader.python_code import PythonParser
from agents.employees.answer_reader.result import FILES_MAX, ParsedAnswer
from agents.employees.answer_reader.scoring import EXCERPT, Scorer, is_excerpt
from verification.requirements.scope import in_scope
from verification.requirements.steering import steering_reason
from verification.source_scan.mass_deletion import LINES_LOST_MIN

EDIT_SCORE = 12
"""Points that an edit gets in addition to the score of its path, because an edit states the text that it replaces."""
EMPTY_FILES = ("__init__.py", "py.typed", ".gitkeep", ".keep")
"""Names of files that are often empty. An empty block with any other name is not a file."""
EXCERPTS_MAX = 40
NAMED_MAX = 8
_ELISION = re.compile(
    r"^[ \t]*(?:#|//|--|/\*|<!--|;|%|\.\.\.|…)[ \t]*(?:\.\.\.|…|\[?(?:rest|remaining|other|existing"
    r"|previous|unchanged))[^\n]*(?:code|rest|remain|unchanged|existing|same|before|above|omitted|here|methods?|functions?|file)\b[^\n]*$",
    re.IGNORECASE | re.MULTILINE,
)


class _FileCandidates(NamedTuple):
    whole: list[Candidate]
    edits: list[Candidate]


class Assembly:
    """Builds the change of one answer."""

    def __init__(self, brief: Brief, partial: frozenset[str], scorer: Scorer, python: PythonParser) -> None:
        self._brief = brief
        self._partial = partial
        self._scorer = scorer
        self._python = python
        self._by_path: dict[str, _FileCandidates] = {}
        self._deleted: dict[str, None] = {}
        self._renamed: dict[str, str] = {}  # new path -> old path
        self._dropped: dict[str, None] = {}
        self._steering: dict[str, bytes] = {}
        self._reasons: list[str] = []
        self._continues = False
        """Whether an edit was applied to the previous answer. If so, the other files of that answer are kept."""

    def add(self, candidates: Iterable[Candidate]) -> None:
        """Sort candidates by path and kind."""
        for candidate in candidates:
            kind = candidate.proposal.kind
            if not candidate.path:
                self._outside(candidate)
            elif kind == "delete":
                self._deleted[candidate.path] = None
            elif kind == "rename":
                self._rename(candidate)
            else:
                mine = self._by_path.setdefault(candidate.path, _FileCandidates([], []))
                (mine.whole if kind == "whole" else mine.edits).append(candidate)

    def change(self) -> ParsedAnswer:
        """Return the files, deletions and reasons. If one edit does not apply, the result has no files."""
        files: dict[str, bytes] = {}
        failed = False
        for path, candidates in self._by_path.items():
            text = self._content(path, candidates)
            failed = failed or text is None
            if text:
                files[path] = text.encode()
        failed = self._check_deletions(files) or failed
        if len(files) > FILES_MAX:
            self._reasons.append(f"The answer changes {len(files)} files, more than {FILES_MAX}.")
            failed = True
        for path, old in self._renamed.items():
            if path not in files and (moved := self._shown(old)) is not None:
                files[path] = moved.encode()
        deleted = tuple(path for path in self._deleted if path not in files)
        if failed:
            files, deleted = {}, ()
        elif self._continues and self._brief.previous is not None:
            earlier = {path: text.encode() for path, text in self._brief.previous.files.items() if path not in deleted}
            files = earlier | files
        files |= self._steering
        return ParsedAnswer(
            files=files, deleted=deleted, dropped=tuple(self._dropped), not_understood=tuple(self._reasons)
        )

    def _outside(self, candidate: Candidate) -> None:
        """Drop a file out of scope. But hand in a file that could influence a verdict, so that the verifier sees it."""
        path = candidate.outside
        if not path or candidate.source not in ("stated", "title"):
            return
        proposal = candidate.proposal
        content = _created(candidate) if proposal.kind == "edit" else proposal.content
        if candidate.source == "stated" and content and steering_reason(path, content.encode(), None):
            self._steering[path] = _ended(content).encode()
        else:
            self._dropped[path] = None

    def _rename(self, candidate: Candidate) -> None:
        old, new = candidate.path, candidate.proposal.target
        if not in_scope(new, self._brief.paths):
            self._dropped[new] = None
            self._reasons.append(f"{old} cannot be renamed to {new}: that path is outside the scope.")
            return
        if self._shown(old) is None:
            self._reasons.append(f"{old} cannot be renamed: it does not exist, or it was not shown.")
            return
        self._renamed[new] = old
        self._deleted[old] = None

    def _check_deletions(self, files: Mapping[str, bytes]) -> bool:
        """Return whether the answer deletes a file that does not exist."""
        known = {*self._brief.base_files, *self._brief.listing}
        known |= set(self._brief.previous.files) if self._brief.previous else set()
        missing = [path for path in self._deleted if path not in known and path not in files]
        self._reasons += [f"{path} cannot be deleted: there is no such file." for path in missing]
        return bool(missing)

    def _content(self, path: str, candidates: _FileCandidates) -> str | None:
        """Return the new text of a file. It is empty if no candidate is a version of the file. None: there is a
        fault, and its reason is noted.
        """
        whole, score = self._best(path, candidates)
        edits_score = max(map(_edit_score, candidates.edits), default=0)
        if candidates.edits and (edits_score > score or whole is None or path in self._partial):
            return self._edited(path, candidates.edits)
        if whole is None:
            return ""
        content = whole.proposal.content
        if fault := self._replacement_fault(path, content):
            self._reasons.append(fault)
            return None
        if not content.strip():
            return "" if path.rpartition("/")[2] not in EMPTY_FILES or path in self._brief.base_files else "\n"
        if suffix_of(path) == "py":
            content = self._python.repaired(content)
        return self._with_line_ends(path, _ended(content))

    def _best(self, path: str, candidates: _FileCandidates) -> tuple[Candidate | None, int]:
        """Return the whole version with the highest positive score, and the score. Among equal scores the last version
        wins.
        """
        base = self._brief.base_files.get(path)
        versions = candidates.whole
        if candidates.edits and base is not None:
            versions = [each for each in versions if not is_excerpt(each.proposal.content, base)]
            versions = [each for each in versions if each.proposal.content.strip() != base.strip()]
        best, best_score = None, 0
        for candidate in versions:
            score = self._scorer.score(candidate)
            if len(versions) <= EXCERPTS_MAX and any(
                is_excerpt(candidate.proposal.content, other.proposal.content) for other in versions
            ):
                score += EXCERPT
            if score > 0 and score >= best_score:
                best, best_score = candidate, score
        return best, best_score

    def _replacement_fault(self, path: str, content: str) -> str:
        """Return the reason why a text cannot replace a file, or an empty text if it can replace the file."""
        if path in self._partial:
            return (
                f"{path} was not shown whole, so it cannot be replaced. Answer with edits of the lines that were shown."
            )
        if path in self._brief.not_shown:
            return f"{path} was not shown, so it cannot be replaced: {self._brief.not_shown[path]}."
        elided = _ELISION.search(content)
        if (
            elided is not None
            and path in self._brief.base_files
            and elided.group(0) not in self._brief.base_files[path]
        ):
            return (
                f"The version of {path} leaves out a part of the file (`{elided.group(0).strip()[:60]}`). Give the "
                "file whole, or answer with edits."
            )
        if lost := self._lost_definitions(path, content):
            return (
                f"The version of {path} leaves out {', '.join(lost[:NAMED_MAX])}, which nobody asked to remove. Give "
                "the file whole, or answer with edits."
            )
        return ""

    def _lost_definitions(self, path: str, content: str) -> list[str]:
        """Return the missing functions and classes of a version that is an excerpt. An excerpt lacks most of them and
        adds no new names.

        If a version loses many lines, this function returns nothing, because the verifier has a finding for this case.
        """
        if self._brief.base_files.get(path, "").count("\n") - content.count("\n") >= LINES_LOST_MIN:
            return []
        base = self._python.definitions(self._brief.base_files.get(path, ""), imports=False)
        names = self._python.definitions(content, imports=False)
        if not base or not names or not names < base or 2 * len(base - names) <= len(base):
            return []
        asked = "\n".join([self._brief.prose, *(criterion.says for criterion in self._brief.criteria)])
        return sorted(name for name in base - names if not re.search(rf"\b{re.escape(name)}\b", asked))

    def _edited(self, path: str, candidates: list[Candidate]) -> str | None:
        """Return a file's text after its edits. They apply to the previous answer's version if possible, otherwise to
        the base's.
        """
        edits = [edit for candidate in candidates for edit in candidate.proposal.edits]
        source = self._renamed.get(path, path)
        previous = self._brief.previous.files.get(source) if self._brief.previous else None
        base = self._brief.base_files.get(source)
        if source in self._brief.not_shown and base is None:
            self._reasons.append(f"{path} cannot be edited: {self._brief.not_shown[source]}.")
            return None
        if previous is None and base is None:
            return self._new_file(path, edits)
        final = [edit for candidate in candidates if candidate.worth >= 0 for edit in candidate.proposal.edits]
        faults: list[str] = []
        for chosen in (edits, final):  # first all edits, then only the edits that are not marked as a draft
            for text in (previous, base):
                if text is None or not chosen:
                    continue
                result = edited(text, chosen, path)
                if not result.fault:
                    self._continues = self._continues or text is previous
                    return result.text
                faults.append(result.fault)
        self._reasons.append(faults[0])
        return None

    def _new_file(self, path: str, edits: list[Edit]) -> str | None:
        if any(edit.old for edit in edits):
            self._reasons.append(f"{path} cannot be edited: there is no such file. Give it whole.")
            return None
        content = _ended("".join(f"{line}\n" for edit in edits for line in edit.new))
        return content.removesuffix("\n") if edits[-1].is_open else content

    def _shown(self, path: str) -> str | None:
        """Return the version of a file that the author knows."""
        if self._brief.previous and path in self._brief.previous.files:
            return self._brief.previous.files[path]
        return self._brief.base_files.get(path)

    def _with_line_ends(self, path: str, content: str) -> str:
        """Return a new version with the line ends of the existing file."""
        base = self._brief.base_files.get(path, "")
        return content.replace("\n", "\r\n") if base.count("\r\n") * 2 > base.count("\n") else content


def _edit_score(candidate: Candidate) -> int:
    return SOURCE_SCORES[candidate.source] + EDIT_SCORE + candidate.worth


def _created(candidate: Candidate) -> str:
    edits = candidate.proposal.edits
    return "".join(f"{line}\n" for edit in edits for line in edit.new)


def _ended(content: str) -> str:
    return content.rstrip() + "\n"
