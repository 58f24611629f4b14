"""The operating system's user that runs PostgreSQL. PostgreSQL refuses to run as root."""

import os
import pwd
import subprocess
from pathlib import Path

import msgspec

from domain.errors import Unavailable

# They are tried in this order if root runs this. The user must be in the user database, because initdb looks it up.
NAMES_AS_ROOT = ("postgres", "nobody")
PROBE_WAIT_S = 10.0


class SystemAccount(msgspec.Struct, frozen=True):
    """The user that runs PostgreSQL. `switch` is False if it is the present user."""

    name: str
    uid: int
    gid: int
    switch: bool


def database_account() -> SystemAccount:
    """Return the account that runs the database: the present user, or for root the first existing NAMES_AS_ROOT."""
    if os.geteuid() != 0:
        return SystemAccount(own_name(), os.geteuid(), os.getegid(), switch=False)
    for name in NAMES_AS_ROOT:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return SystemAccount(entry.pw_name, entry.pw_uid, entry.pw_gid, switch=True)
    raise Unavailable(
        "PostgreSQL refuses to run as root, and this system has no user postgres and no user nobody.",
        hint="Create the user (useradd --system postgres), run as a plain user, or set AURA_POSTGRES_DSN.",
        code="no_database_account",
    )


def own_name() -> str:
    """Return the name of the present user. Raises Unavailable if the user has no name."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        raise Unavailable(
            f"The present user ({os.geteuid()}) has no name in the user database, but PostgreSQL needs a user name.",
            hint="Add the user to /etc/passwd, or set AURA_POSTGRES_DSN to another server.",
            code="no_database_account",
        ) from None


def reaches(account: SystemAccount, path: Path) -> bool:
    """Return whether the account can enter this existing folder and every folder above it."""
    if not account.switch:
        return os.access(path, os.X_OK)
    try:
        tested = subprocess.run(
            ["/bin/sh", "-c", 'test -x "$0"', str(path)],
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            cwd="/",
            timeout=PROBE_WAIT_S,
            check=False,
            capture_output=True,
        )
    except OSError as error:
        raise Unavailable(
            f"Cannot switch to the user {account.name} that runs the database: {error}.",
            hint="Run as a plain user, or set AURA_POSTGRES_DSN to another server.",
            code="no_database_account",
        ) from error
    return tested.returncode == 0
