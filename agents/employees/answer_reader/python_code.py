"""Checks of Python code in an answer: whether it is complete and which names it defines. Invalid characters are
repaired.
"""

import ast
import html
import re
import textwrap
import warnings
from collections.abc import Callable, Iterator

CODE_CHARS_MAX = 100_000
"""A longer block is used unchanged and is not parsed."""
PARSED_CHARS_MAX = 150_000
"""Limit for the characters of one answer that Python's parser reads. All attempts count together."""
RUN_TRIES_MAX = 60
REPAIRED_CHARS_MAX = 30_000
"""Longer code is used unchanged and its characters are not repaired."""
_QUOTES = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"'})
_SPACES = str.maketrans({"\u00a0": " ", "\u2007": " ", "\u202f": " ", "\u3000": " "})
_INVISIBLE = str.maketrans(dict.fromkeys("\ufeff\u200b\u200c\u200d\u2060\u00ad"))
_BEGINS = re.compile(
    r"(?:def |async def |class |import |from \w[\w.]* import |@\w|#!|\"\"\"|'''|[A-Z_a-z]\w*\s*(?::[^=\n]+)?= )"
)


class PythonParser:
    """Python's parser with a limit for one answer. Text beyond the limit does not count as a program."""

    def __init__(self) -> None:
        self._left = PARSED_CHARS_MAX
        self._known: dict[str, ast.Module | None] = {}

    def parsed(self, code: str) -> ast.Module | None:
        """Return the program, or None if the text is not Python or is too long."""
        if code in self._known:
            return self._known[code]
        if len(code) > min(CODE_CHARS_MAX, self._left) or not code.strip():
            return None
        self._left -= len(code)
        self._known[code] = _parsed(code)
        return self._known[code]

    def parses(self, code: str) -> bool:
        """Return whether a text is a program of at least one statement."""
        return self.parsed(code) is not None

    def definitions(self, code: str, *, imports: bool = True) -> frozenset[str] | None:
        """Return the names that a program binds at its top level, or None if it is not Python or has a star import.

        If `imports` is False, names from other modules are not included.
        """
        tree = self.parsed(code)
        names = _bound_names(tree, imports=imports) if tree is not None else {"*"}
        return None if "*" in names else frozenset(names)

    def is_skeleton(self, code: str) -> bool:
        """Return whether a function's whole body is `pass`, `...` or `raise NotImplementedError`."""
        tree = self.parsed(code)
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)] if tree else []
        return any(_is_empty(function.body) for function in functions)

    def repaired(self, code: str) -> str:
        """Return the code after repairs of characters that a chat program replaced. Code that parses, or that no repair
        can fix, is returned unchanged.
        """
        if len(code) > REPAIRED_CHARS_MAX:
            return code
        tree = self.parsed(code)
        if not code.strip() or (tree is not None and not _has_entities(code, tree)):
            return code
        changed = code
        for repair in _REPAIRS:
            before, changed = changed, repair(changed)
            if changed != before and self.parses(changed):
                return changed
        return code

    def program_in(self, text: str) -> str:
        """Return the longest program that begins at a line of code in a text without fences, or an empty text."""
        lines = text.split("\n")
        tries = 0
        for begin, line in enumerate(lines):
            if not _BEGINS.match(line):
                continue
            for end in _ends(lines, begin):
                tries += 1
                if tries > RUN_TRIES_MAX:
                    return ""
                code = "\n".join(lines[begin:end])
                if self.parses(code):
                    return code + "\n"
        return ""


def _parsed(code: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the verifier handles escapes that Python warns about
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _has_entities(code: str, tree: ast.Module) -> bool:
    """Return whether there are HTML entities outside of strings. Python parses `a &gt; b` as two statements."""
    if not any(entity in code for entity in ("&lt;", "&gt;", "&amp;", "&quot;")):
        return False
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return bool(names & {"lt", "gt", "amp", "quot"})


def _bound_names(tree: ast.Module, *, imports: bool) -> set[str]:
    names: set[str] = set()
    for node in _statements(tree.body):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Assign(targets=targets):
                names.update(part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case ast.Import(names=imported) | ast.ImportFrom(names=imported) if imports:
                names.update((alias.asname or alias.name).partition(".")[0] for alias in imported)
    return names


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a module, including the statements inside `if` and `try`."""
    waiting = list(body)
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If):
            waiting += [*node.body, *node.orelse]
        if isinstance(node, ast.Try):
            handlers = [statement for handler in node.handlers for statement in handler.body]
            waiting += [*node.body, *handlers, *node.orelse, *node.finalbody]


def _is_empty(body: list[ast.stmt]) -> bool:
    first = body[0]
    rest = body[1:] if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and len(body) > 1 else body
    if len(rest) != 1:
        return False
    match rest[0]:
        case ast.Pass():
            return True
        case ast.Expr(value=ast.Constant(value=value)):
            return value is ...
        case ast.Raise(exc=ast.Name(id="NotImplementedError") | ast.Call(func=ast.Name(id="NotImplementedError"))):
            return True
    return False


def _one_line(code: str) -> str:
    """If a program is one line with escaped line ends, as in a JSON string, return it with real line ends."""
    return code if "\n" in code.strip() else code.replace("\\n", "\n").replace('\\"', '"').replace("\\t", "\t")


_REPAIRS: tuple[Callable[[str], str], ...] = (
    lambda code: code.translate(_SPACES),
    lambda code: code.translate(_INVISIBLE),
    textwrap.dedent,
    lambda code: code.translate(_QUOTES),
    html.unescape,
    _one_line,
)
"""Changes of characters that can turn a text into Python. They are applied one after the other."""


def _ends(lines: list[str], begin: int) -> Iterator[int]:
    """Yield the lines where prose may begin: the end of the text, then the lines without indentation from the last to
    the first.
    """
    yield len(lines)
    for gap in (True, False):
        for at in range(len(lines) - 1, begin, -1):
            starts = bool(lines[at].strip()) and not lines[at].startswith((" ", "\t"))
            if starts and (not lines[at - 1].strip() if gap else lines[at - 1].startswith((" ", "\t"))):
                yield at
