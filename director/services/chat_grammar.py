"""The grammar of messages to the manager. It is the whole of what the chat understands; docs/chat.md has its table.

The same words always have the same meaning. No model reads a message, and no text of a model is ever read as one.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Literal, NamedTuple

import msgspec

from domain.chat import MESSAGE_CHARACTERS_MAX as WORDS_CHARACTERS_MAX
from domain.chat import Act
from domain.errors import Invalid
from domain.money import NOTHING, Amount

MESSAGE_CHARACTERS_MAX = 400_000
"""The most characters of a message with a requirement in it."""
Subject = Literal["help", "status", "inbox", "run", "why", "cost", "costs", "template"]


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """An act that a person asks for. `run`: its id, the beginning of it, `last`, or a part of its title.

    `words`: the message without a requirement. `text`: the reason or the comment. `amount`: to raise a budget by.
    """

    act: Act
    words: str
    run: str = ""
    task: str = ""
    text: str = ""
    amount: Amount = NOTHING
    requirement: str = ""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A question. It changes nothing."""

    about: Subject
    run: str = ""


class Elsewhere(msgspec.Struct, frozen=True, kw_only=True):
    """An act that has a form of its own, and the path of this form."""

    path: str
    why: str


class Form(NamedTuple):
    """One line of the grammar: how to write it, an example, and its meaning."""

    form: str
    example: str
    meaning: str


FORMS: Sequence[Form] = (
    Form("status", "status", "The phase of the organisation, and its open runs."),
    Form("what waits for me", "what waits for me", "Everything that needs a person."),
    Form("status of RUN", "status of last", "The phase of a run, and its tasks."),
    Form("why did RUN fail", "why did last fail", "The reason of its end, and what the verdicts rejected."),
    Form("what does RUN cost", "what does last cost", "The charges of a run, by employee."),
    Form("costs", "costs", "The charges of the last days."),
    Form("submit REQUIREMENT", "submit", "Submit the requirement that follows. Alone, `submit` shows a template."),
    Form("rerun RUN", "rerun last", "Submit the requirement of a run again, as a new run."),
    Form("cancel RUN: REASON", "cancel last: nobody needs it any more", "End a run."),
    Form(
        "return RUN [task TASK]: COMMENT",
        "return last: use shorter names",
        "Send a delivery back to work with a comment.",
    ),
    Form(
        "comment on RUN [task TASK]: COMMENT",
        "comment on last: the column is called total",
        "Tell the employees of a run something.",
    ),
    Form(
        "raise budget of RUN [task TASK] by AMOUNT [: REASON]",
        "raise budget of last by 2.50 USD and 100000 tokens: it is worth it",
        "Raise a budget by this amount.",
    ),
    Form("pause: REASON", "pause: we look at the costs first", "No new work begins."),
    Form("resume: REASON", "resume: all is well", "Work goes on."),
    Form("help", "help", "This list."),
)
"""Every form of the grammar, in the order of the help."""
_RUN = r"(?:the )?(?:run )?(?P<run>\"[^\"]+\"|\S+?)"
_TASK = r"(?: task (?P<task>\S+?))?"
_SAID = r"(?:\s*:\s*|\s+because\s+)(?P<text>\S.*)"
_USD = r"\$?(?P<usd>\d{1,9}(?:\.\d{1,12})?)(?: ?(?:USD|dollars))?"
_TOKENS = r"\d[\d,_]{0,18}"
_AMOUNT = rf"(?:{_USD}(?: and (?P<more>{_TOKENS}) tokens)?|(?P<tokens>{_TOKENS}) tokens)"
_ACTS: Sequence[tuple[Act, str]] = (
    ("rerun", rf"(?:rerun|repeat|run again|submit again) {_RUN}[.!]?"),
    ("cancel", rf"cancel {_RUN}{_SAID}"),
    ("return", rf"return {_RUN}{_TASK}{_SAID}"),
    ("comment", rf"comment on {_RUN}{_TASK}{_SAID}"),
    ("raise_budget", rf"raise (?:the )?budget of {_RUN}{_TASK} by {_AMOUNT}(?:{_SAID})?"),
    ("pause", rf"pause(?: the organisation)?{_SAID}"),
    ("resume", rf"resume(?: the organisation)?{_SAID}"),
)
_QUESTIONS: Sequence[tuple[Subject, str]] = (
    ("help", r"(?:help|what can i (?:say|ask|write))"),
    ("status", r"(?:status|what (?:is happening|happens|is going on))"),
    ("inbox", r"(?:inbox|what (?:waits|is waiting)(?: for me)?|what needs me)"),
    ("run", rf"(?:status of|how is|show) {_RUN}"),
    ("why", rf"why (?:did|was|has|is|does) {_RUN}(?: (?:fail|failed|end|ended|wait|waits|waiting|rejected|refused))?"),
    ("cost", rf"(?:what (?:does|did) {_RUN} cost|cost of (?:the )?(?:run )?(?P<of>\"[^\"]+\"|\S+?))"),
    ("costs", r"(?:costs|what did (?:we|you|i) spend(?: today)?)"),
    ("template", r"(?:submit|template)"),
)
_OTHERS: Sequence[tuple[str, Elsewhere]] = (
    (
        r"(?:approve|accept|reject|decline)\b.*",
        Elsewhere(path="/inbox", why="A decision about a delivery is bound to the commit that you see. Take it there."),
    ),
    (
        r"(?:halt|stop)\b.*",
        Elsewhere(
            path="/stop", why="A halt needs a sign-in that is at most 5 minutes old. Sign in again if yours is older."
        ),
    ),
    (
        r"(?:override|release)\b.*",
        Elsewhere(path="/rights", why="An override needs a fresh password: use `aura override`, or its HTTP route."),
    ),
)
_SUBMIT = re.compile(r"(?:please )?submit(?: this)?(?: requirement)?\s*:?\s*\n(?P<requirement>.*)", re.I | re.S)


def read_message(text: str) -> Wish | Question | Elsewhere:
    """Return the meaning of a message. Raises Invalid (code not_understood) with what to write instead."""
    if len(text) > MESSAGE_CHARACTERS_MAX:
        raise Invalid(f"A message has at most {MESSAGE_CHARACTERS_MAX} characters.", hint="Write less.")
    words = text.strip()
    if words.startswith("---"):
        return Wish(act="submit", words="submit", requirement=words + "\n")
    if (submission := _SUBMIT.fullmatch(words)) and submission["requirement"].strip():
        return Wish(act="submit", words="submit", requirement=submission["requirement"].strip() + "\n")
    if len(words) > WORDS_CHARACTERS_MAX:
        raise Invalid(
            f"A message without a requirement has at most {WORDS_CHARACTERS_MAX} characters.", hint="Write less."
        )
    words = words.rstrip("? ").removeprefix("please ").removeprefix("Please ").strip()
    for act, pattern in _ACTS:
        if match := re.fullmatch(pattern, words, re.I | re.S):
            return _wish(act, text.strip(), match.groupdict())
    for about, pattern in _QUESTIONS:
        if match := re.fullmatch(pattern, words, re.I):
            fields = match.groupdict()
            return Question(about=about, run=_name(fields.get("run") or fields.get("of")))
    for pattern, elsewhere in _OTHERS:
        if re.fullmatch(pattern, words, re.I | re.S):
            return elsewhere
    raise not_understood(words)


def not_understood(words: str) -> Invalid:
    """Return the error for a message that the grammar does not know. Its hint names the nearest forms."""
    first = words.split(maxsplit=1)[0].lower().rstrip(":,.") if words else ""
    near = [each for each in FORMS if first and first in each.form.lower().replace(":", " ").split()] or list(FORMS[:4])
    what = f"a message that begins with {first[:40]!r} in this form" if first else "an empty message"
    return Invalid(
        f"The manager does not understand {what}.",
        hint=f"Write, for example: {' · '.join(each.example for each in near[:4])} · help",
        code="not_understood",
    )


def _wish(act: Act, words: str, fields: dict[str, str | None]) -> Wish:
    """Return the wish of a match. Raises Invalid without an amount."""
    usd, tokens = fields.get("usd"), fields.get("tokens") or fields.get("more")
    amount = Amount(Decimal(usd or "0"), int((tokens or "0").replace(",", "").replace("_", "")))
    if act == "raise_budget" and amount == NOTHING:
        raise Invalid(
            "A budget is raised by an amount above 0.",
            hint="Write, for example: raise budget of last by 2.50 USD and 100000 tokens",
            code="not_understood",
        )
    return Wish(
        act=act,
        words=words,
        run=_name(fields.get("run")),
        task=fields.get("task") or "",
        text=(fields.get("text") or "").strip(),
        amount=amount,
    )


def _name(text: str | None) -> str:
    """Return the name of a run without its quotation marks."""
    return (text or "").strip('"')
