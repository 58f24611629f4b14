"""The score of one version of a file. It depends on the name, the language, the definitions and the words around the
block.
"""

from collections.abc import Mapping, Sequence

from agents.employees.answer_reader import languages
from agents.employees.answer_reader.candidates import SOURCE_SCORES, Candidate, Unnamed
from agents.employees.answer_reader.changes import Proposal
from agents.employees.answer_reader.hints import Source
from agents.employees.answer_reader.python_code import PythonParser

LANGUAGE_FITS = 5
LANGUAGE_DIFFERS = -12
NO_SOURCE = -30
"""Points for a block of shell commands or output, if the file has another type."""
COMPLETE = 12
MISSING = -16
PARSES = 4
DOES_NOT_PARSE = -12
SKELETON = -6
UNCLOSED = -4
ELSEWHERE = -20
"""Points for a block after words that name a file out of scope."""
EXCERPT = -20
"""Points for a block if a longer version of the same file contains all its lines."""


def module_names(path: str) -> tuple[str, ...]:
    """Return the module names of a Python file, relative to the project's folder or to src/."""
    stem = path.removesuffix(".py").removesuffix("/__init__")
    return tuple(dict.fromkeys((stem.replace("/", "."), stem.removeprefix("src/").replace("/", "."))))


class Scorer:
    """Calculator of scores for whole versions of files."""

    def __init__(self, definitions: Mapping[str, Sequence[str]], python: PythonParser) -> None:
        """`definitions`: module -> names that the module must define, because the requirement's cases use these
        names.
        """
        self._definitions = definitions
        self._python = python

    def required(self, path: str) -> frozenset[str]:
        """Return the names that a file must define."""
        names = (name for module in module_names(path) for name in self._definitions.get(module, ()))
        return frozenset(names)

    def defines(self, content: str, path: str) -> bool:
        """Return whether a program defines all required names of a file. False if there are no required names."""
        required = self.required(path)
        names = self._python.definitions(content, imports=False) if required else None
        return names is not None and required <= names

    def score(self, candidate: Candidate) -> int:
        """Return the score of a whole version of a file."""
        score = SOURCE_SCORES[candidate.source] + candidate.worth + (0 if candidate.closed else UNCLOSED)
        score += self._language(candidate.language, candidate.path)
        return score + self._content(candidate.proposal.content, candidate.path)

    def _language(self, language: str, path: str) -> int:
        fitting = languages.fits(language, path)
        if fitting is None:
            return 0
        if fitting:
            return LANGUAGE_FITS
        return NO_SOURCE if language in languages.SHELL | languages.OUTPUT else LANGUAGE_DIFFERS

    def _content(self, content: str, path: str) -> int:
        if languages.suffix_of(path) != "py" or not content.strip():
            return 0
        code = self._python.repaired(content)
        if not self._python.parses(code):
            return DOES_NOT_PARSE
        score = PARSES + (SKELETON if self._python.is_skeleton(code) else 0)
        names, required = self._python.definitions(code), self.required(path)
        if names is None or not required:
            return score
        return score + (COMPLETE if required <= names else MISSING)


def homes_of(block: Unnamed, paths: Sequence[str], scorer: Scorer, *, only: bool) -> list[tuple[str, Source]]:
    """Return the files in scope that an unnamed block may contain: by its definitions, by its language, or the only
    file.
    """
    defining = [path for path in paths if scorer.defines(block.content, path)]
    if defining:
        most = max(len(scorer.required(path)) for path in defining)
        return [(path, "definitions") for path in defining if len(scorer.required(path)) == most]
    if only and len(paths) == 1:
        return [(paths[0], "only")]
    fitting = [path for path in paths if languages.fits(block.language, path)]
    return [(fitting[0], "language")] if len(fitting) == 1 else []


def candidate_of(block: Unnamed, path: str, source: Source) -> Candidate:
    """Return an unnamed block as a candidate for a file."""
    worth = block.worth + (ELSEWHERE if block.elsewhere else 0)
    proposal = Proposal("whole", path=path, content=block.content)
    return Candidate(proposal, path, "", path, source, block.language, worth, block.closed, block.order)


def is_excerpt(content: str, longer: str) -> bool:
    """Return whether the other text has all lines of this text, and more lines."""
    lines = {line.strip() for line in content.split("\n") if line.strip()}
    others = {line.strip() for line in longer.split("\n") if line.strip()}
    return lines < others
