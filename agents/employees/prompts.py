"""The prompts that are made from an order. There are two styles: free chat, and a grammar that enforces the code fence
and the signature.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from agents.briefs.brief import Brief
from agents.briefs.fence import Fence
from agents.employees.answer_reader.result import CANNOT
from agents.employees.prompt_sections import Sections
from agents.employees.usage import BYTES_PER_TOKEN, MESSAGE_TOKENS

Style = Literal["chat", "grammar"]

SYSTEM = "You are a careful Python programmer. Answer with the code only, in a fenced code block."
FEEDBACK_LINES_MAX = 8
ROLE_TOKENS = 2 * MESSAGE_TOKENS  # of the two messages of a prompt, beside their texts
DECLINE = (
    f"If this cannot be done as it is asked, answer without any code with one line that begins with {CANNOT} and says "
    "why. That is a legal answer, and counts less against you than code that fails."
)


class Prompt(NamedTuple):
    """The chat messages of a task. `partial`: files in scope that the messages show only partly or not at all."""

    messages: list[dict[str, str]]
    partial: frozenset[str]


def prompt_of(
    brief: Brief,
    fence: Fence,
    feedback_max: int = FEEDBACK_LINES_MAX,
    *,
    may_decline: bool = False,
    tokens_max: int | None = None,
    small: bool = False,
) -> Prompt:
    """Return the prompt of a task with at most `tokens_max` tokens. `fence` marks the text of other people as data.

    If `feedback_max` is 0, the prompt does not mention earlier attempts, so each attempt is independent. `small`: long
    prompts confuse the model. If the task is one function in a new file, the prompt then has only the text of the
    criteria. It has no fence, because it has no text of a project, and such an answer can only write that file.
    """
    if small and is_short(brief):
        return Prompt(_messages(SYSTEM, f"{_task(brief)}\n\n{_criteria(brief)}"), frozenset())
    system = f"{SYSTEM}\n{fence.rule}"
    bytes_max = None
    if tokens_max is not None:
        bytes_max = max(0, tokens_max * BYTES_PER_TOKEN - len(system.encode()))
    sections = Sections(brief, fence, feedback_max, DECLINE if may_decline else "", bytes_max)
    return Prompt(_messages(system, sections.text()), sections.partial)


def messages_of(
    brief: Brief,
    fence: Fence,
    feedback_max: int = FEEDBACK_LINES_MAX,
    *,
    may_decline: bool = False,
    small: bool = False,
) -> list[dict[str, str]]:
    """Return all chat messages of a task, without a limit."""
    return prompt_of(brief, fence, feedback_max, may_decline=may_decline, small=small).messages


def is_short(brief: Brief) -> bool:
    """Return whether a task is one function or class in one new file, and nobody commented on it."""
    if brief.base_files or brief.suites or brief.comments:
        return False
    return bool(brief.single_path) and len(brief.signatures) == 1


def _messages(system: str, text: str) -> list[dict[str, str]]:
    return [{"role": "system", "content": system}, {"role": "user", "content": text}]


def _task(brief: Brief) -> str:
    kind, _, name = brief.signatures[0].partition(" ")
    return f"Write the Python {'function' if kind == 'def' else 'class'} `{name}`."


def _criteria(brief: Brief) -> str:
    return "\n\n".join("\n".join([each.says.strip(), *each.examples]) for each in brief.criteria)


def grammar_of(brief: Brief) -> str:
    """Return a GBNF grammar for llama.cpp: one fenced block per file, and for a single file the exact signatures."""
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
"""Additions of each style to the request's body. Only llama.cpp's server understands `grammar`."""
