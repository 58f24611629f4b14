"""Hints in the text around a block. They show which file the block is, and whether it is the answer, a draft or an
example.
"""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from agents.employees.answer_reader.languages import LANGUAGES, SUFFIXES, suffix_of

Source = Literal["stated", "title", "comment", "sentence", "definitions", "language", "only"]
"""The sources of a block's path: a stated path, a title, the first comment, a sentence, definitions, the language, or
the only file.
"""
LINE_CHARS_MAX = 400
TITLE_LINES_MAX = 4
_KEYS = r"path|file_?path|file_?name|file|title|name|target_?file|target|source|location"
_PATH_KEY = re.compile(r"(?:^|[\s{(,\[])[\"']?(?:path|file_?path|file_?name|file)[\"']?\s*=", re.IGNORECASE)
_QUOTED = re.compile(rf"(?:^|[\s{{(,\[])[:\"']?(?:{_KEYS})[\"']?\s*[=:]\s*([\"'`])([^\"'`\n]+)\1", re.IGNORECASE)
_PLAIN = re.compile(rf"(?:^|[\s{{(,\[])(?:{_KEYS})\s*[=:]\s*([^\s\"'`{{}}][^\"'`{{}}\n]*)", re.IGNORECASE)
_NEXT_KEY = re.compile(r"[\s,]+[\w-]+=.*$|[\s,)}\]]+$")
_RANGE = re.compile(r"^\d+:\d+:(\S+)$")
_SPAN = re.compile(r"`([^`\n]+)`|\*\*([^*\n]+)\*\*|\[([^\]\n]+)\]\([^)\n]*\)|\"([^\"\n]+)\"|'([^'\n]+)'|<([^<>\s]+)>")
_WORD = re.compile(r"[^\s`\"'<>|,;]+")
_LABEL = re.compile(
    r"^(?:(?:new|updated|modified|changed|full|final|complete|corrected|fixed|revised|the|here is|here's|create|update"
    r"|edit|modify|add|write|save(?: this)? as|replace|contents? of|code for|in|for|step)\s+|\d+[.):]\s*|[-*+]\s+|#+\s*"
    r"|[>|]\s*|(?:file\s?name|file\s?path|file|path|module|script)\s*(?:\d+\s*)?[:=]?\s+|[^\w\s./\[\]`\"'*_~@<({-]+\s*)+",
    re.IGNORECASE,
)
_NOTE = re.compile(r"^\s*(?:[:.\-\u2013\u2014,]|\(|is\b|\[|#|//|$)")
_COMMENT = re.compile(
    r"^\s*(?:#+!?|//+|--+|;+|%+|/\*+|<!--|\"\"\"|'''|\(\*|REM\b|\.\.)\s*(.*?)\s*(?:\*/|-->|\"\"\"|'''|\*\))?\s*$"
)
_RULE = re.compile(r"^[-=*#~\s]{2,}|[-=*#~\s]{2,}$")
_BETTER = re.compile(
    r"\b(?:corrected|fixed|final(?:ly)?|updated|improved|complete|full|revised|proper|correct|solution|implementation"
    r"|here is the (?:code|file|module)|after|new version|should be|replace it with|working|better)\b",
    re.IGNORECASE,
)
_WORSE = re.compile(
    r"\b(?:before|original(?:ly)?|old|current(?:ly)?|existing|wrong|incorrect|buggy|broken|draft|first (?:try|attempt"
    r"|version|idea|thought)|naive|instead of|not this|bad|skeleton|outline|sketch|pseudo-?code|plan|previous(?:ly)?"
    r"|alternative(?:ly)?|or (?:a )?shorter|simplified|could also|excerpt|relevant part|snippet)\b",
    re.IGNORECASE,
)
_EXAMPLE = re.compile(
    r"\b(?:examples?|usage|use (?:it|this|them)|using it|how to (?:use|run|test|call)|to (?:run|test|try|verify|check"
    r"|install)|try it|test(?:s|ed|ing)?(?: it)?"
    r"|outputs?|prints?|printed|results? in|run(?:s|ning)?|install|verify|shell|terminal"
    r"|command|demo(?:nstration)?|you (?:can|should) see|gives|returns|e\.g\.)\b",
    re.IGNORECASE,
)
_REGRET = re.compile(
    r"\b(?:wait|oops|hmm|wrong|incorrect|mistake|does(?:n't| not)|fails?|bug(?:gy)?|but (?:this|that|it)|however"
    r"|not (?:right|correct|enough|quite)|that is not|that's not|actually|no,|let me (?:fix|correct|redo|try)|forgot"
    r"|misses|missed|only|instead|corrected|correction|revised|sorry)\b",
    re.IGNORECASE,
)


class Hint(NamedTuple):
    """A path near a block, as the model wrote it."""

    written: str
    source: Source


def has_path_key(info: str) -> bool:
    """Return whether an info string states a path with a key that is used only for paths."""
    return bool(_PATH_KEY.search(info[:LINE_CHARS_MAX]))


def stated_in(info: str) -> tuple[str, ...]:
    """Return the possible paths in an info string or in the attributes of an element. The result may be empty."""
    info = info.strip()[:LINE_CHARS_MAX]
    if quoted := _QUOTED.search(info):
        return (quoted.group(2).strip(),)
    if plain := _PLAIN.search(info):
        whole = _NEXT_KEY.sub("", plain.group(1)).strip(",; ")
        return tuple(dict.fromkeys((whole, whole.split()[0].strip(",;)") if whole else "")))
    said = _said_in(info)
    return (said,) if said else ()


def _said_in(info: str) -> str:
    """Return the path in an info string without keys. It comes after the language or is the only word."""
    words = info.strip("{}()[] ").split()
    rest = words[1:] if words and words[0].lstrip(".").lower() in LANGUAGES else words
    if words and ":" in words[0]:
        language, _, path = words[0].partition(":")
        if language.lower() in LANGUAGES and path:
            return path
        if ranged := _RANGE.match(words[0]):
            return ranged.group(1)
    rest = [word for word in rest if word not in ("//", "#", "-", "--", ":", "|")]
    for word in rest:
        bare = word.strip("\"'`()[]{},:*")
        if is_file_name(bare) or "/" in bare.strip("/"):
            return word.strip("\"'`(){},:*")
    return rest[0] if len(rest) == 1 and len(words) == 1 and not _is_flag(rest[0]) else ""


def _is_flag(word: str) -> bool:
    """Return whether a word of an info string is an option and not a name."""
    return "=" in word or word.startswith(("-", "{"))


def is_file_name(word: str) -> bool:
    """Return whether a word looks like a file's name, because its ending is known."""
    name = word.rpartition("/")[2]
    return suffix_of(word) in SUFFIXES and len(name) > 1 + len(suffix_of(word)) and not word.startswith("-")


def titles_in(line: str) -> Iterator[str]:
    """Yield the file names for which a line may be the title. A title has only the name, a label before the name and a
    note after it.
    """
    line = line.strip()[:LINE_CHARS_MAX]
    rest = _LABEL.sub("", line, count=1)
    for text in dict.fromkeys((line, rest)):
        if span := _SPAN.match(text):
            name = next(group for group in span.groups() if group)
            if _NOTE.match(text[span.end() :]):
                yield name.strip()
                yield _LABEL.sub("", name, count=1).strip(" :")
        emphasised = text.strip("*_#` ")
        if emphasised:
            yield text.strip(" :")
            yield emphasised.rstrip(":").strip("*_` ")
        opened = text.lstrip("*_`\"'(")
        word = _WORD.match(opened)
        if word is not None and _NOTE.match(opened[word.end() :].lstrip("*_`\"')")):
            yield word.group(0).strip("*`:()")
            yield word.group(0).strip("*_`:()")


def names_in(line: str) -> Iterator[str]:
    """Yield the words of a sentence that may be paths."""
    line = line[:LINE_CHARS_MAX]
    for span in _SPAN.finditer(line):
        yield next(group for group in span.groups() if group)
    for word in _WORD.finditer(line):
        yield word.group(0).strip("*_`:().,;!?[]{}")


def comment_in(content: str) -> Iterator[str]:
    """Yield the text of a block's first comment, after a shebang and an encoding, if the comment may be the file's
    name.
    """
    for line in content.split("\n", 4)[:4]:
        text = line.strip()[:LINE_CHARS_MAX]
        if not text or text.startswith("#!") or "coding" in text[:20]:
            continue
        matched = _COMMENT.match(text)
        if matched is not None:
            said = _RULE.sub("", matched.group(1)).strip()
            yield from titles_in(said)
            yield from stated_in(said)
        return


def worth_of(before: str, after: str) -> int:
    """Return the score of the words around a block: above 0 for a final version, below 0 for a draft or an example."""
    near = " ".join(before.strip().split("\n")[-3:])[-300:]
    then = " ".join(line for line in after.strip().split("\n")[:2])[:200]
    worth = 0
    better, worse = (max((word.end() for word in words.finditer(near)), default=0) for words in (_BETTER, _WORSE))
    if better > worse:
        worth += 8
    elif worse:
        worth -= 9
    if _EXAMPLE.search(near):
        worth -= 14
    if _REGRET.search(then):
        worth -= 9
    return worth
