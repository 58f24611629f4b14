"""Checks of `aura doctor` on the servers: installed programs, answers of running servers, and the log."""

import asyncio
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

from bus import fork_check
from bus.embedded import programs, stack
from bus.embedded.account import database_account
from bus.store import Store
from bus.stream import NoStream, Stream, connect
from director.doctor.check import Part
from director.settings import Settings
from director.terminal.text import masked
from domain.errors import AuraError, said_by

ANSWER_WAIT_S = 10.0
VERSION_WAIT_S = 10.0
AT_HOME_REMEDY = "Read its log: `aura logs`. Restart it: `aura down`, then `aura up`."


async def servers(settings: Settings) -> list[Part]:
    """Check NATS and Postgres and, if both answer, whether they have the same log."""
    own = stack.status(settings.root).endpoints
    nats_url = settings.nats_url or (own.nats_url if own else "")
    dsn = settings.postgres_dsn or (own.postgres_dsn if own else "")
    nats, postgres = await asyncio.gather(
        _answering("nats-server", nats_url, _ask_nats, "AURA_NATS_URL" if settings.nats_url else "")
        if nats_url
        else asyncio.to_thread(_installed, "nats-server", _nats_program),
        _answering("postgres", dsn, _ask_postgres, "AURA_POSTGRES_DSN" if settings.postgres_dsn else "")
        if dsn
        else asyncio.to_thread(_installed, "postgres", _postgres_program),
    )
    both = nats_url and dsn and nats.state == postgres.state == "ok"
    return [nats, postgres, *([await _log(nats_url, dsn)] if both else [])]


def _installed(name: str, program: Callable[[], Path]) -> Part:
    """Check the installed program of a server that `aura up` would start. The call blocks."""
    try:
        done = subprocess.run(
            [program(), "--version"], capture_output=True, text=True, timeout=VERSION_WAIT_S, check=False
        )
    except AuraError as error:
        return Part(name=name, state="missing", says=error.message, remedy=error.hint)
    except (OSError, subprocess.TimeoutExpired) as error:
        return _broken(name, said_by(error))
    if done.returncode != 0:
        return _broken(name, (done.stderr or done.stdout).strip()[:200])
    return Part(
        name=name, says=f"{done.stdout.strip().replace(': v', ' ')} is installed, but does not run; `aura up` starts it"
    )


def _broken(name: str, why: str) -> Part:
    return Part(
        name=name,
        state="missing",
        says=f"The program does not start: {why}.",
        remedy="Install it again (make clean, make demo), or use a server of your own (docs/cli.md explains how).",
    )


def _nats_program() -> Path:
    return programs.nats_server()


def _postgres_program() -> Path:
    """Return the path of the program. Raises Unavailable if no user account may run it."""
    database_account()
    return programs.postgres_bin() / "postgres"


async def _answering(name: str, address: str, ask: Callable[[str], Awaitable[str]], setting: str) -> Part:
    """Check a server that should answer. `setting`: the variable with its address; empty for the home's own server."""
    try:
        async with asyncio.timeout(ANSWER_WAIT_S):
            version = await ask(address)
    except AuraError as error:
        says = f"{masked(address)}: {error.message}"
    except (TimeoutError, OSError, ValueError) as error:
        says = f"{masked(address)} does not answer: {said_by(error)}."
    else:
        return Part(name=name, says=f"{version} answers at {masked(address)}")
    remedy = f"Start that server, or correct or unset {setting}." if setting else AT_HOME_REMEDY
    return Part(name=name, state="missing", says=says, remedy=remedy)


async def _ask_nats(url: str) -> str:
    client = await connect(url, name="aura-doctor")
    try:
        return f"nats-server {client.connected_server_version}"
    finally:
        await client.close()


async def _ask_postgres(dsn: str) -> str:
    import asyncpg

    try:
        connection = await asyncpg.connect(dsn, timeout=ANSWER_WAIT_S)
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise OSError(said_by(error)) from error
    try:
        version = connection.get_server_version()
    finally:
        await connection.close()
    return f"PostgreSQL {version.major}.{version.minor}"


async def _log(nats_url: str, dsn: str) -> Part:
    """Check that stream and store have the same log. Without a stream, the store is not opened and so not changed."""
    try:
        client = await connect(nats_url, name="aura-doctor")
        try:
            last = (await Stream(client).info()).last_seq
            store = await Store.open(dsn, pool_max=2)
            try:
                await fork_check.check(Stream(client), store)
                kept = await store.recorded_up_to()
            finally:
                await store.close()
        finally:
            await client.close()
    except NoStream:
        return Part(name="log", says="there is no log yet; `aura up` founds the organisation", needed=False)
    except AuraError as error:
        return Part(name="log", state="missing", says=error.message, remedy=error.hint)
    return Part(name="log", says=f"the stream ends at event {last}; Postgres has the same log up to event {kept}")
