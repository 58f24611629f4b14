"""The secrets of compose.yaml. Each secret is made once, and written to the volumes of the containers that need it.

No secret is in an environment variable. The service `secrets` runs this file before the servers start. The file needs
only the standard library. New volumes get random passwords, or the passwords in the folder `deploy/secrets` of an
older installation. Keys of providers are copied from `.env` and `deploy/secrets` at each start. The output names
files, but never a secret.
"""

import os
import secrets
import sys
from pathlib import Path
from urllib.parse import urlsplit

PROJECT = Path("/project")
VOLUMES = Path("/volumes")
WORKERS = "workers"  # the credential of the employees' containers
CORE_USER = "aura"  # the user of NATS for all other roles
USER = "aura_admin"
DATABASE = "aura_orchestra"
PASSWORD_BYTES = 24
KEY_ENDING = "_api_key"
READABLE = 0o444
"""Other users must read the files: the containers that mount a volume do not run as the user that writes it."""


def made_anew(nats_address: str = "nats:4222", postgres_address: str = "postgres:5432") -> dict[str, str]:
    """Return new secrets: for each file name, its one line. The addresses of the servers have the form `host:port`."""
    nats, workers, postgres = (secrets.token_hex(PASSWORD_BYTES) for _ in range(3))
    return {
        "nats_passwords": nats_passwords(nats, workers),
        "nats_url": f"nats://{CORE_USER}:{nats}@{nats_address}",
        "nats_worker_url": f"nats://{WORKERS}:{workers}@{nats_address}",
        "postgres_password": postgres,
        "postgres_user": USER,
        "postgres_database": DATABASE,
        "postgres_dsn": f"postgresql://{USER}:{postgres}@{postgres_address}/{DATABASE}",
    }


def nats_passwords(core: str, workers: str) -> str:
    """Return the variables of deploy/nats/nats.conf."""
    return f'CORE_PASSWORD: "{core}"; WORKERS_PASSWORD: "{workers}"'


def of_nats_url(url: str) -> dict[str, str]:
    """Return the secrets of an installation whose containers shared one user of NATS. The workers get a password."""
    core, workers = urlsplit(url), secrets.token_hex(PASSWORD_BYTES)
    if core.username != CORE_USER or not core.password:
        raise ValueError(f"the address in nats_url has no user {CORE_USER} with a password")
    return {
        "nats_passwords": nats_passwords(core.password, workers),
        "nats_url": url,
        "nats_worker_url": f"nats://{WORKERS}:{workers}@{core.netloc.rpartition('@')[2]}",
    }


def taken_over(folder: Path) -> dict[str, str]:
    """Return the secrets of an installation of release 0.1.0. Its user and its database both have the name aura."""
    kept = {name: (folder / name).read_text().strip() for name in ("nats_url", "postgres_password", "postgres_dsn")}
    return kept | of_nats_url(kept["nats_url"]) | {"postgres_user": "aura", "postgres_database": "aura"}


MOUNTED = {
    "nats": ("nats_passwords",),
    "postgres": ("postgres_password", "postgres_user", "postgres_database"),
    "roles": ("nats_url", "postgres_dsn"),
    "employees": ("nats_worker_url",),
    "notify": ("postgres_dsn",),
}
"""The files in each volume. The employees' container has no access to Postgres, and cannot reach the log.

The container of notifications reads Postgres only.
"""


def provide(project: Path, volumes: Path, **addresses: str) -> list[str]:
    """Fill the volumes. Return one line for each step. `addresses`: the arguments of `made_anew`."""
    _separate_workers(volumes)
    _separate_notifications(volumes)
    return [_provide_passwords(project, volumes, addresses), _provide_keys(project, volumes / "employees")]


def _provide_passwords(project: Path, volumes: Path, addresses: dict[str, str]) -> str:
    """Write the passwords of new volumes. Existing passwords stay.

    Raises ValueError if some of the files are missing: new passwords would not match the servers' data.
    """
    wanted = {volumes / volume / name: name for volume, names in MOUNTED.items() for name in names}
    present = [path for path in wanted if path.exists()]
    if len(present) == len(wanted):
        return "passwords: unchanged since the first start"
    if present:
        missing = ", ".join(f"secrets-{path.parent.name}: {path.name}" for path in wanted if path not in present)
        raise ValueError(f"volumes have lost files ({missing}). Restore them, or delete all volumes of this project.")
    old = project / "deploy" / "secrets"
    is_older = (old / "postgres_dsn").exists()
    contents = taken_over(old) if is_older else made_anew(**addresses)
    _write({path: contents[name] for path, name in wanted.items()})
    return "passwords: taken from deploy/secrets" if is_older else "passwords: new"


def _separate_workers(volumes: Path) -> None:
    """Give the workers a password of their own in volumes of an older release. The password of the log stays."""
    url, old, new = (volumes / name for name in ("roles/nats_url", "nats/nats_auth", "nats/nats_passwords"))
    if url.exists() and old.exists() and not new.exists():
        made = of_nats_url(url.read_text().strip())
        _write({new: made["nats_passwords"], volumes / "employees" / "nats_worker_url": made["nats_worker_url"]})
    if new.exists():
        for unused in (old, volumes / "employees" / "nats_url"):
            unused.unlink(missing_ok=True)


def _separate_notifications(volumes: Path) -> None:
    """Give the container of notifications the address of Postgres in volumes of an older release."""
    kept, new = volumes / "roles" / "postgres_dsn", volumes / "notify" / "postgres_dsn"
    if kept.exists() and not new.exists():
        _write({new: kept.read_text().strip()})


def _provide_keys(project: Path, volume: Path) -> str:
    """Write the present keys of providers, and remove keys that no longer exist."""
    keys = provider_keys(project)
    for path in volume.glob(f"*{KEY_ENDING}"):
        if path.name not in keys:
            path.unlink()
    _write({volume / name: key for name, key in keys.items()})
    return f"keys of providers: {', '.join(sorted(keys)) or 'none'}"


def provider_keys(project: Path) -> dict[str, str]:
    """Return the keys of providers, by file name such as openai_api_key. `.env` has priority over `deploy/secrets`."""
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
    """Return the variables of a `.env` file, read in the way of Compose: NAME=value, with or without quotes."""
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
    """Write files of one line each. After an interrupted write no file exists, and no reader sees a part of a file."""
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
