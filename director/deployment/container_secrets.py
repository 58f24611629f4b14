"""The secrets of compose.yaml: made once, each in the volumes of the containers that need it, none in an environment.

The service `secrets` runs this file before the servers start, with the standard library alone. Volumes that are new get
random passwords, or those of an older installation's `deploy/secrets`. Keys of providers are taken from `.env` and
from `deploy/secrets` each time. Each line that it prints names files, never a secret.
"""

import os
import secrets
import sys
from pathlib import Path

PROJECT = Path("/project")
VOLUMES = Path("/volumes")
USER = "aura_admin"
DATABASE = "aura_orchestra"
PASSWORD_BYTES = 24
KEY_ENDING = "_api_key"
READABLE = 0o444
"""A volume is mounted into the containers that need its files, and their users are not the one that writes it."""


def made_anew(nats_address: str = "nats:4222", postgres_address: str = "postgres:5432") -> dict[str, str]:
    """Return new secrets, file name -> one line. The addresses are those of the servers: `host:port`."""
    nats, postgres = secrets.token_hex(PASSWORD_BYTES), secrets.token_hex(PASSWORD_BYTES)
    return {
        "nats_auth": f'authorization {{ user: "aura", password: "{nats}" }}',
        "nats_url": f"nats://aura:{nats}@{nats_address}",
        "postgres_password": postgres,
        "postgres_user": USER,
        "postgres_database": DATABASE,
        "postgres_dsn": f"postgresql://{USER}:{postgres}@{postgres_address}/{DATABASE}",
    }


def taken_over(folder: Path) -> dict[str, str]:
    """Return the secrets of an installation of release 0.1.0, whose user and database are both called aura."""
    names = ("nats_auth", "nats_url", "postgres_password", "postgres_dsn")
    return {name: (folder / name).read_text().strip() for name in names} | {
        "postgres_user": "aura",
        "postgres_database": "aura",
    }


MOUNTED = {
    "nats": ("nats_auth",),
    "postgres": ("postgres_password", "postgres_user", "postgres_database"),
    "roles": ("nats_url", "postgres_dsn"),
    "employees": ("nats_url",),
}
"""Volume -> the files in it. The employees' container has no access to Postgres."""


def provide(project: Path, volumes: Path, **addresses: str) -> list[str]:
    """Fill the volumes and return one line for each thing that was done. `addresses`: as for `made_anew`."""
    return [_provide_passwords(project, volumes, addresses), _provide_keys(project, volumes / "employees")]


def _provide_passwords(project: Path, volumes: Path, addresses: dict[str, str]) -> str:
    """Write the passwords of new volumes; those of older ones stay.

    Raises ValueError if a part of them is missing: new ones would not fit the servers' data.
    """
    wanted = {volumes / volume / name: name for volume, names in MOUNTED.items() for name in names}
    present = [path for path in wanted if path.exists()]
    if len(present) == len(wanted):
        return "passwords: those of the first start"
    if present:
        missing = ", ".join(f"secrets-{path.parent.name}: {path.name}" for path in wanted if path not in present)
        raise ValueError(f"volumes have lost files ({missing}). Restore them, or delete all volumes of this project.")
    old = project / "deploy" / "secrets"
    is_older = (old / "postgres_dsn").exists()
    contents = taken_over(old) if is_older else made_anew(**addresses)
    _write({path: contents[name] for path, name in wanted.items()})
    return "passwords: taken from deploy/secrets" if is_older else "passwords: new"


def _provide_keys(project: Path, volume: Path) -> str:
    """Write the keys of providers as they are now, and remove those that are gone."""
    keys = provider_keys(project)
    for path in volume.glob(f"*{KEY_ENDING}"):
        if path.name not in keys:
            path.unlink()
    _write({volume / name: key for name, key in keys.items()})
    return f"keys of providers: {', '.join(sorted(keys)) or 'none'}"


def provider_keys(project: Path) -> dict[str, str]:
    """Return the keys of providers, by file name such as openai_api_key. `.env` goes before `deploy/secrets`."""
    keys = {
        path.name: path.read_text().strip() for path in sorted((project / "deploy" / "secrets").glob(f"*{KEY_ENDING}"))
    }
    settings = project / ".env"
    if settings.is_file():
        keys |= {
            name.lower(): value
            for name, value in assignments(settings.read_text()).items()
            if name.lower().endswith(KEY_ENDING) and value
        }
    return {name: key for name, key in keys.items() if key}


def assignments(text: str) -> dict[str, str]:
    """Return the assignments of a `.env` file, as Compose reads them: NAME=value, with or without quotes."""
    found = {}
    for line in text.splitlines():
        name, is_assignment, value = line.strip().removeprefix("export ").partition("=")
        value = value.strip()
        if not is_assignment or name.startswith("#"):
            continue
        if value[:1] in ("'", '"') and value[0] in value[1:]:
            value = value[1 : value.index(value[0], 1)]
        else:
            value = value.partition(" #")[0].strip()
        found[name.strip()] = value
    return found


def _write(lines: dict[Path, str]) -> None:
    """Write files of one line each. An interrupted write leaves none, and no reader sees half of one."""
    partial = {path: path.with_name(f".{path.name}.partial") for path in lines}
    for path, line in lines.items():
        partial[path].unlink(missing_ok=True)
        partial[path].write_text(f"{line}\n")
        partial[path].chmod(READABLE)
    for path in lines:
        os.replace(partial[path], path)


if __name__ == "__main__":
    variables = {"nats_address": "AURA_NATS_ADDRESS", "postgres_address": "AURA_POSTGRES_ADDRESS"}
    addresses = {name: os.environ[variable] for name, variable in variables.items() if variable in os.environ}
    try:
        print(*provide(PROJECT, VOLUMES, **addresses), sep="\n")
    except (OSError, ValueError) as error:
        sys.exit(f"The secrets cannot be made: {error}")
