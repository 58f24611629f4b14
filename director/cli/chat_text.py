"""The chat with the manager as text."""

from shlex import quote

from director.services.chat import MessagesPage, Reply
from director.services.chat_draft import DIGEST_CHARACTERS_MIN
from director.terminal.text import clock


def reply_text(text: str, reply: Reply) -> str:
    """Return the reply to a message. A draft ends with the command that confirms it."""
    if reply.answer is not None:
        return "\n".join([*(line.text for line in reply.answer.lines), f"As of event {reply.answer.seq}."])
    if reply.elsewhere is not None:
        return f"{reply.elsewhere.why} Its page: {reply.elsewhere.path}"
    assert reply.draft is not None
    draft = reply.draft
    confirmation = f"aura chat {quote(text)} --confirm {draft.digest[:DIGEST_CHARACTERS_MIN]}"
    facts = [f"  {fact}" for fact in draft.facts]
    return "\n".join([f"Draft: {draft.title}", *facts, "Nothing has happened yet. To confirm it:", f"  {confirmation}"])


def messages_text(page: MessagesPage) -> str:
    """Return the messages, the oldest first, each with the events that it caused."""
    if not page.messages:
        return "Nobody has asked the manager for anything yet. `aura chat help` shows what to write."
    lines: list[str] = []
    for message in reversed(page.messages):
        lines.append(f"{clock(message.at)} {message.who}: {message.text or '(purged)'} (event {message.seq})")
        caused = [f"  event {each.seq} {each.envelope.type} {each.words}".rstrip() for each in message.events]
        lines += caused or ["  It caused no event."]
    return "\n".join(lines)
