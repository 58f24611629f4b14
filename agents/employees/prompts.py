"""The words that an order becomes. One style per entry: free chat, and a grammar that forces fence and signature."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Literal

from agents.briefs.brief import Brief
from agents.employees.answer_reader.result import CANNOT

Style = Literal["chat", "grammar"]

SYSTEM = "You are a careful Python programmer. Answer with the code only, in a fenced code block."
FEEDBACK_LINES_MAX = 8
DECLINE = (
    f"If this cannot be done as it is asked, answer without any code with one line that begins with {CANNOT} and says "
    "why. That is a legal answer, and counts less against you than code that fails."
)


def messages_of(
    brief: Brief, feedback_max: int = FEEDBACK_LINES_MAX, *, may_decline: bool = False
) -> list[dict[str, str]]:
    """The chat messages of a task. `feedback_max` 0 leaves rejections out: each attempt is drawn afresh."""
    parts = [
        _task(brief),
        _criteria(brief),
        _suites(brief),
        _files(brief),
        _feedback(brief, feedback_max),
        _form(brief),
    ]
    parts.append(DECLINE if may_decline else "")
    user = "\n\n".join(part for part in parts if part)
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": user}]


def _task(brief: Brief) -> str:
    if brief.single_path and len(brief.signatures) == 1:
        kind, _, name = brief.signatures[0].partition(" ")
        return f"Write the Python {'function' if kind == 'def' else 'class'} `{name}`."
    lines = [f"Project: {brief.title}", brief.prose]
    if brief.signatures:
        lines.append("It needs: " + ", ".join(f"`{signature}`" for signature in brief.signatures) + ".")
    return "\n".join(line for line in lines if line)


def _criteria(brief: Brief) -> str:
    blocks = []
    for criterion in brief.criteria:
        lines = [criterion.says.strip(), *criterion.examples]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _suites(brief: Brief) -> str:
    return "\n\n".join(f"These tests must pass, {path}:\n```\n{text}\n```" for path, text in brief.suites.items())


def _files(brief: Brief) -> str:
    return "\n\n".join(f"{path} holds now:\n```\n{text}\n```" for path, text in brief.base_files.items())


def _feedback(brief: Brief, feedback_max: int) -> str:
    if not brief.feedback or feedback_max <= 0:
        return ""
    return "Earlier attempts were rejected:\n" + "\n".join(f"- {line}" for line in brief.feedback[-feedback_max:])


def _form(brief: Brief) -> str:
    if brief.single_path:
        return ""
    scope = ", ".join(brief.paths)
    return (
        "Give each file whole, in a fenced code block of its own that begins with ```python path=FILE. "
        f"Only these paths may be written: {scope}."
    )


def grammar_of(brief: Brief) -> str:
    """GBNF for llama.cpp: one fenced block per file, and for a single file the exact signatures with free bodies."""
    if brief.single_path and brief.signatures:
        heads = [json.dumps(f"{signature}:\n") for signature in brief.signatures]
        inside = r' "\n\n" '.join(f"{head} line+" for head in heads)
        return f'root ::= "```python\\n" {inside} "```"\nline ::= "    " [^\\n`]+ "\\n"\n'
    block = r'block ::= "```python path=" [^\n`]+ "\n" text "```\n"'
    if brief.single_path:
        block = r'block ::= "```python\n" text "```"'
    return f'root ::= block{"" if brief.single_path else "+"}\n{block}\ntext ::= ([^`\\n]* "\\n")+\n'


def _chat_extras(_: Brief) -> Mapping[str, Any]:
    return {}


def _grammar_extras(brief: Brief) -> Mapping[str, Any]:
    return {"grammar": grammar_of(brief)}


EXTRAS: Mapping[Style, Callable[[Brief], Mapping[str, Any]]] = {"chat": _chat_extras, "grammar": _grammar_extras}
"""What each style adds to the request's body. `grammar` is understood by llama.cpp's server only."""
