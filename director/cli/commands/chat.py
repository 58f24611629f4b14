"""The command chat: ask the manager, draft an act in words, and confirm the draft."""

from typing import TYPE_CHECKING, Annotated

import typer

from director.cli.commands.command import command
from director.cli.output import Door

if TYPE_CHECKING:
    from director.settings import Settings


def register(app: typer.Typer) -> None:
    app.command()(chat)


@command("chat")
async def chat(
    door: Door,
    settings: "Settings",
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="The message. `help` lists the forms. Without it: all messages.")
    ] = "",
    confirm: Annotated[
        str, typer.Option("--confirm", metavar="DIGEST", help="Carry out the draft that has this digest.")
    ] = "",
) -> None:
    """Ask the manager a question, or draft an act in words. Nothing happens before the draft is confirmed."""
    from director.cli.chat_text import messages_text, reply_text
    from director.services.chat import confirm as carry_out
    from director.services.chat import messages, reply_to
    from director.services.session import archive, desk, new_id

    if confirm:
        async with desk(settings) as opened:
            acted = await carry_out(opened, new_id(), text, confirm)
        run = f" Its run: {acted.run}" if acted.run else ""
        door.answer(acted, f"Recorded as event {acted.seq}.{run}" if acted.seq else "Nothing had to change.")
        return
    async with archive(settings) as store:
        if not text:
            page = await messages(store)
            door.answer(page, messages_text(page))
            return
        reply = await reply_to(store, settings, text)
    door.answer(reply, reply_text(text, reply))
