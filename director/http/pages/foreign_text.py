"""Texts of models and code as HTML. Nothing that a model wrote becomes code or a link that runs."""

from functools import cache, lru_cache

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup, escape
from pygments import lex
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_for_filename
from pygments.lexers.special import TextLexer
from pygments.token import STANDARD_TYPES, Token
from pygments.util import ClassNotFound

LEXERS_MAX = 256
TAGS = frozenset(
    {
        "a", "blockquote", "br", "code", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre",
        "strong", "ul",
    }
)  # fmt: skip
"""Tags that a model's Markdown may become. Images are not among them, because they would load something."""
MARKDOWN_CHARACTERS_MAX = 100_000


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False})


def markdown(text: str) -> Markup:
    """Return a model's Markdown as clean HTML. HTML in it is shown as text."""
    made = _parser().render(text[:MARKDOWN_CHARACTERS_MAX])
    kept = nh3.clean(
        made, tags=set(TAGS), attributes={"a": {"href"}}, url_schemes={"https"}, link_rel="noopener nofollow"
    )
    return Markup(kept)


def coloured(path: str, lines: list[str]) -> list[Markup]:
    """Return the lines of a file with colours for its language."""
    found, line = [], Markup("")
    for token, text in lex("\n".join(lines), _lexer(path)):
        for number, piece in enumerate(text.split("\n")):
            if number:
                found.append(line)
                line = Markup("")
            line += _piece(token, piece)
    found.append(line)
    return [*found, *[Markup("")] * len(lines)][: len(lines)]


def _piece(token: object, text: str) -> Markup:
    kind = token
    while kind not in STANDARD_TYPES and kind is not Token:
        kind = kind.parent  # type: ignore[attr-defined]  # a token type
    name = STANDARD_TYPES.get(kind, "")
    if not name or not text:
        return escape(text)
    return Markup('<span class="t-{}">{}</span>').format(name, text)


@lru_cache(LEXERS_MAX)
def _lexer(path: str) -> Lexer:
    try:
        return get_lexer_for_filename(path, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return TextLexer(stripnl=False, ensurenl=False)
