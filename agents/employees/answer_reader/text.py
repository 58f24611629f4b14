"""Removal of text that is not part of the answer itself: thinking, control tokens, invisible characters."""

import re

_INVISIBLE = "\ufeff\u200b\u200c\u200e\u200f\u2060\u00ad"
_THOUGHT = r"think|thinking|thought|thoughts|reasoning|reflection|scratchpad|analysis|seed:think"
_OPEN = re.compile(rf"^[ \t]*(?:<({_THOUGHT})>|\[(THINK)\]|◁(think)▷|<\|begin_of_(thought)\|>)", re.IGNORECASE)
_INNER = re.compile(rf"^[ \t]*<({_THOUGHT})>[ \t]*$", re.IGNORECASE | re.MULTILINE)
THOUGHTS_MAX = 50
"""Maximum number of thinking passages that are removed from one answer."""
_CLOSE = (
    rf"(?:</(?:{_THOUGHT})>|\[/THINK\]|◁/think▷|<\|end_of_thought\|>)"
    r"(?![\"')\]]|`(?!``))"
)
_CLOSING = re.compile(
    rf"(?:(?<=```)|(?<![\"'`(]))(?:^[ \t]*{_CLOSE}|{_CLOSE}[ \t]*(?=$|```|~~~))", re.IGNORECASE | re.MULTILINE
)
_CHANNEL = re.compile(r"<\|channel\|>\s{0,9}(\w{1,40})([^<]{0,200})(?:<\|constrain\|>[^<]{0,200})?<\|message\|>")
_CHANNEL_END = re.compile(r"<\|(?:end|return|call|start|channel)\|>")
_GLUED_CHANNELS = re.compile(r"\A\s*analysis(?=[A-Z\s]).*?assistantfinal", re.DOTALL)
_TOKENS = re.compile(
    r"<\|(?:im_end|im_start|endoftext|end_of_text|eot_id|end|return|start|end_of_turn|assistant|user|python_tag)\|>"
    r"|<(?:end|start)_of_turn>|</s>|<s>|<\uff5c[^\uff5c\n]{1,40}\uff5c>|\[/?INST\]",
)
_TOKEN_LINE = re.compile(rf"^[ \t]*(?:{_TOKENS.pattern})+(?:[ \t]*(?:assistant|model))?[ \t]*$", re.MULTILINE)
_TOKEN_LAST = re.compile(rf"(?:{_TOKENS.pattern})\Z")
_TOKEN_BEGIN = re.compile(rf"\A\s*(?:{_TOKENS.pattern})(?:assistant\s*\n)?")
_TOKEN_AT_FENCE = re.compile(rf"^([ \t]*(?:`{{3,}}|~{{3,}}))(?:{_TOKENS.pattern})+[ \t]*$", re.MULTILINE)
_LANGUAGE_FENCE = re.compile(r"```+(?:python|py|diff|bash|sh|json|markdown|md)\b[^`\n]*$", re.MULTILINE)
_WRAPPER = re.compile(
    r"^[ \t]*</?(?:answer|final|final_answer|output|response|result|solution)>[ \t]*$", re.MULTILINE | re.IGNORECASE
)


def cleaned(text: str) -> str:
    """Return the text with Unix line ends, without lone surrogates and without invisible characters before fences."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    text = text.encode("utf-8", "replace").decode("utf-8")
    if "\n" not in text and text.count("\\n") >= 2 and "```" in text:
        text = text.replace("\\n", "\n").replace('\\"', '"')  # a JSON string without its quotes
    lines = [_visible(line) if line.strip() or len(line) < 200 else "" for line in text.split("\n")]
    return "\n".join(_spaced(lines))


def _spaced(lines: list[str]) -> list[str]:
    """Return the lines. If a fence in a quoted block directly follows `>`, each `>` of the block gets a space."""
    begin = 0
    while begin < len(lines):
        end = begin
        while end < len(lines) and lines[end].startswith(">") and not lines[end].startswith(">>"):
            end += 1
        if any(line.startswith((">```", ">~~~")) for line in lines[begin:end]):
            lines[begin:end] = [f"> {line[1:]}" for line in lines[begin:end]]
        begin = max(end, begin + 1)
    return lines


def _visible(line: str) -> str:
    """Return a line without invisible characters at its start, or without any invisible characters if the line is a
    fence, a marker or a tag.
    """
    bare = line.lstrip(_INVISIBLE + " \t\u00a0\u3000")
    if bare != line:
        head = line[: len(line) - len(bare)]
        line = "".join(char for char in head if char not in _INVISIBLE).replace("\u3000", " ") + bare
    if bare.startswith(("```", "~~~", "<", "=======", "CANNOT")):
        line = "".join(char for char in line if char not in _INVISIBLE)
    return line


def without_thinking(text: str) -> str:
    """Return the text after the model's thinking, or the whole text if it has no thinking."""
    text = _final_channel(text)
    for _ in range(THOUGHTS_MAX):
        text = text.lstrip("\n")
        opened = _OPEN.match(text)
        closed = _CLOSING.search(text, opened.end() if opened else 0)
        if opened is not None and closed is None:
            return ""
        if closed is None or (opened is None and _within_opened(text, closed.start())):
            break
        text = text[closed.end() :]
    return _without_inner_thinking(text)


def _without_inner_thinking(text: str) -> str:
    """Return the text without thinking in the middle of the answer. Only thinking between tags on separate lines is
    found.
    """
    for _ in range(THOUGHTS_MAX):
        opened = _INNER.search(text)
        if opened is None:
            return text
        closes = text.find(f"</{opened.group(1)}>\n", opened.end())
        if closes < 0:
            return text
        text = text[: opened.start()] + text[closes + len(opened.group(1)) + 4 :]
    return text


def _within_opened(text: str, at: int) -> bool:
    """Return whether a line before this place begins with an opening tag of thinking."""
    return any(True for _ in re.finditer(rf"^[ \t]*<(?:{_THOUGHT})>", text[:at], re.IGNORECASE | re.MULTILINE))


def _final_channel(text: str) -> str:
    """Return the final message of an answer in channels. If there is no final message, return the messages that call a
    tool.
    """
    glued = _GLUED_CHANNELS.match(text)
    if glued is not None:
        return text[glued.end() :]
    marks = list(_CHANNEL.finditer(text))
    if not marks:
        return text
    parts: list[tuple[str, str]] = []
    for mark in marks:
        end = _CHANNEL_END.search(text, mark.end())
        content = text[mark.end() : end.start() if end else len(text)]
        name = mark.group(1).lower() if "to=" not in mark.group(2) else "call"
        parts.append((name, content))
    for wanted in ("final", "call", "commentary"):
        chosen = [content for name, content in parts if name == wanted]
        if chosen:
            return chosen[-1] if wanted == "final" else "\n".join(chosen)
    return ""


def without_tokens(text: str) -> str:
    """Return the text without the control tokens of chat templates and without tags that wrap the whole answer."""
    text = text.replace("[TOOL_CALLS]", "\n")
    text = _TOKEN_AT_FENCE.sub(r"\1", text)
    text = _TOKEN_LINE.sub("", text)
    text = _TOKEN_BEGIN.sub("", text)
    for _ in range(THOUGHTS_MAX):
        last = _TOKEN_LAST.search(text, max(0, len(text.rstrip()) - 50), len(text.rstrip()))
        if last is None:
            break
        text = text[: last.start()] + "\n"
    text = _WRAPPER.sub("", text)
    return _LANGUAGE_FENCE.sub(lambda fence: _on_its_own_line(text, fence), text)


def _on_its_own_line(text: str, fence: re.Match[str]) -> str:
    """Put a fence with a language on a separate line if words of a sentence come before it."""
    before = text[text.rfind("\n", 0, fence.start()) + 1 : fence.start()]
    words = "`" not in before and bool(before.strip(" \t>*-+0123456789."))
    return f"\n{fence.group(0)}" if words else fence.group(0)
