"""The commands user and token: people, their roles, passwords and tokens."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from director.cli.commands.command import command
from director.cli.commands.options import Reason
from director.cli.output import Door
from domain.errors import Invalid, Unavailable

if TYPE_CHECKING:
    from director.settings import Settings

Name = Annotated[str, typer.Argument(metavar="NAME", help="The user's name.")]
Roles = Annotated[
    list[str],
    typer.Option("--role", metavar="ROLE", help="director, operator, approver, auditor or viewer. Repeat it."),
]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the first line of stdin, without a question.")
]
NoPassword = Annotated[bool, typer.Option("--no-password", help="The user signs in with a link or a token only.")]
Issuer = Annotated[
    str, typer.Option(metavar="URL", help="The OpenID provider (default: the issuer in AURA_HOME/oidc.toml).")
]
Subject = Annotated[str, typer.Option(metavar="ID", help="The person's id at the provider: the claim `sub`.")]
PASSWORD_LINE_MAX = 4096


def register(app: typer.Typer) -> None:
    users = typer.Typer(help="People: users, their roles and passwords.")
    for function in (init, add, list_users, role, disable, enable, password, link, unlink):
        users.command(function.__name__.removesuffix("_users"))(function)
    app.add_typer(users, name="user")
    tokens = typer.Typer(help="Tokens with which programs act for a user.")
    for function in (create, list_tokens, revoke):
        tokens.command(function.__name__.removesuffix("_tokens"))(function)
    app.add_typer(tokens, name="token")
    app.command("open")(open_link)


@command("user init")
async def init(door: Door, settings: "Settings", name: Name, password_stdin: FromStdin = False) -> None:
    """Add the first user, as a director, once. This needs the Director's key in AURA_HOME/keys."""
    from director.services.people import init_user
    from director.services.session import desk

    async with desk(settings) as opened:
        line = await init_user(opened, name, _password(from_stdin=password_stdin))
    door.answer(line, f"User {line.name} is added, as {', '.join(line.roles)}.")


@command("user add")
async def add(
    door: Door,
    settings: "Settings",
    name: Name,
    role: Roles,
    password_stdin: FromStdin = False,
    no_password: NoPassword = False,
) -> None:
    """Add a user with one or more roles."""
    from director.services.people import add_user
    from director.services.session import desk

    given = None if no_password else _password(from_stdin=password_stdin)
    async with desk(settings) as opened:
        line = await add_user(opened, name, role, given)
    door.answer(line, f"User {line.name} is added, as {', '.join(line.roles)}.")


@command("user list")
async def list_users(door: Door, settings: "Settings") -> None:
    """List the users with their roles, and the number of refused sign-ins by hour."""
    from director.cli.people_text import users_text
    from director.services import people
    from director.services.session import archive

    async with archive(settings) as store:
        lines, failures = await people.list_users(store), await people.refused_sign_ins(store)
    door.answer({"users": lines, "refused_sign_ins": failures}, users_text(lines, failures))


@command("user role")
async def role(
    door: Door,
    settings: "Settings",
    name: Name,
    reason: Reason,
    grant: Annotated[list[str] | None, typer.Option(metavar="ROLE", help="Grant this role. Repeat it.")] = None,
    revoke: Annotated[list[str] | None, typer.Option(metavar="ROLE", help="Revoke this role. Repeat it.")] = None,
) -> None:
    """Grant and revoke roles of a user. All sessions of the user end."""
    from director.services.people import change_roles
    from director.services.session import desk

    async with desk(settings) as opened:
        line = await change_roles(opened, name, grant=grant or (), revoke=revoke or (), reason=reason)
    door.answer(line, f"User {line.name}: {', '.join(line.roles) or 'no role'}.")


@command("user disable")
async def disable(door: Door, settings: "Settings", name: Name, reason: Reason) -> None:
    """Disable a user. Its sessions end, and its tokens are revoked."""
    from director.services.people import disable_user
    from director.services.session import desk

    async with desk(settings) as opened:
        line = await disable_user(opened, name, reason)
    door.answer(line, f"User {line.name} is disabled.")


@command("user enable")
async def enable(door: Door, settings: "Settings", name: Name, reason: Reason) -> None:
    """Enable a disabled user. Its revoked tokens stay revoked."""
    from director.services.people import enable_user
    from director.services.session import desk

    async with desk(settings) as opened:
        line = await enable_user(opened, name, reason)
    door.answer(line, f"User {line.name} is enabled, as {', '.join(line.roles) or 'nothing'}.")


@command("user password")
async def password(door: Door, settings: "Settings", name: Name, password_stdin: FromStdin = False) -> None:
    """Give a user a new password. All sessions of the user end."""
    from director.services.people import set_password
    from director.services.session import desk

    given = _password(from_stdin=password_stdin)
    async with desk(settings) as opened:
        line = await set_password(opened, name, given)
    door.answer(line, f"User {line.name} has a new password. Its sessions have ended.")


@command("user link")
async def link(door: Door, settings: "Settings", name: Name, subject: Subject, issuer: Issuer = "") -> None:
    """Let a person of an OpenID provider sign in as this user. The user keeps its roles."""
    from director.oidc.config import issuer_of
    from director.services.people import link_user
    from director.services.session import desk

    at = issuer_of(settings.root, issuer)
    async with desk(settings) as opened:
        line = await link_user(opened, name, at, subject)
    door.answer(line, f"User {line.name} may sign in at {at}, as {subject}.")


@command("user unlink")
async def unlink(
    door: Door, settings: "Settings", name: Name, subject: Subject, reason: Reason, issuer: Issuer = ""
) -> None:
    """Remove an identity of an OpenID provider from a user. All sessions of the user end."""
    from director.oidc.config import issuer_of
    from director.services.people import unlink_user
    from director.services.session import desk

    at = issuer_of(settings.root, issuer)
    async with desk(settings) as opened:
        line = await unlink_user(opened, name, at, subject, reason)
    door.answer(line, f"User {line.name} may no longer sign in at {at} as {subject}. Its sessions have ended.")


@command("open")
async def open_link(
    door: Door,
    settings: "Settings",
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="The user. Without it: the only director.")] = "",
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="The port (default: of the API that `aura up` serves, or 8000)."),
    ] = None,
    browser: Annotated[bool, typer.Option("--browser", help="Also open the link in the web browser.")] = False,
) -> None:
    """Print a link that signs a user in once, within 5 minutes. This needs the Director's key."""
    from director.services.people import sign_in_link
    from director.services.session import desk
    from director.services.stack_status import api_url, is_served
    from director.settings import HTTP_PORT

    async with desk(settings) as opened:
        line, secret = await sign_in_link(opened, name)
    served = (settings.public_address() or api_url(settings)) if port is None else None
    here = port or HTTP_PORT
    url = f"{served or f'http://127.0.0.1:{here}'}/auth/link/{secret}"
    ready = bool(served or settings.http_published_on) or await is_served(here)
    if browser and ready:
        await _open_in_browser(url)
    start = (
        "" if ready else f"\nNothing answers at port {here} yet. Start the pages first: aura serve http --port {here}"
    )
    data = {"user": line.name, "url": url, "served": ready}
    door.answer(data, f"{url}\nIt signs {line.name} in once, within 5 minutes.{start}")


@command("token create")
async def create(
    door: Door,
    settings: "Settings",
    user: Name,
    scope: Annotated[
        list[str], typer.Option(metavar="SCOPE", help="read, submit, approve, control or admin. Repeat it.")
    ],
    days: Annotated[int, typer.Option(help="The token expires after this number of days.")] = 30,
    name: Annotated[str, typer.Option(help="A name by which you know the token again.")] = "",
) -> None:
    """Make a token with which a program acts for a user. Its text is shown only once."""
    from director.services.people import create_token
    from director.services.session import desk

    async with desk(settings) as opened:
        token = await create_token(opened, user, scopes=scope, days=days, label=name)
    door.answer(token, f"{token.text}\nKeep it now: it is not shown again. It permits: {', '.join(token.scopes)}.")


@command("token list")
async def list_tokens(door: Door, settings: "Settings") -> None:
    """List the tokens, without their secrets."""
    from director.cli.people_text import tokens_text
    from director.services import people
    from director.services.session import archive

    async with archive(settings) as store:
        lines = await people.list_tokens(store)
    door.answer({"tokens": lines}, tokens_text(lines))


@command("token revoke")
async def revoke(
    door: Door, settings: "Settings", token: Annotated[str, typer.Argument(metavar="ID", help="The token's id.")]
) -> None:
    """Revoke a token. A stream that it has open ends."""
    from director.services.people import revoke_token
    from director.services.session import desk

    async with desk(settings) as opened:
        id = await revoke_token(opened, token)
    door.answer({"token": id}, f"Token {id} is revoked.")


async def _open_in_browser(url: str) -> None:
    """Open a page in the web browser. Raises Unavailable."""
    import asyncio
    import webbrowser

    if not await asyncio.to_thread(webbrowser.open, url):
        raise Unavailable("No web browser can be opened here.", hint="Run `aura open` and copy the link.")


def _password(*, from_stdin: bool) -> str:
    """Read a password from stdin, or ask for it twice. Raises Invalid."""
    if from_stdin:
        line = sys.stdin.readline(PASSWORD_LINE_MAX).rstrip("\r\n")
        if not line:
            raise Invalid("stdin has no password.", hint="Write it in the first line of stdin.")
        return line
    if not sys.stdin.isatty():
        raise Invalid("There is no terminal to ask for the password.", hint="Pass it on stdin: --password-stdin")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
