"""Why a box could not be made on this system, and what to do about it."""

from pathlib import Path

from domain.errors import Unavailable
from verification.sandbox.base import RunResult

_CAUSE_BYTES_MAX = 300


def unavailable(failed: RunResult) -> Unavailable:
    """The error for a machine on which no box starts, from the last failed run and what the kernel's switches say."""
    told = (
        failed.stderr.decode(errors="replace").strip()[-_CAUSE_BYTES_MAX:]
        or f"the canary run ended with {failed.reason}"
    )
    return Unavailable(
        f"The sandbox does not start here, and nothing is run without it: {told}.",
        hint=_remedy(),
        code="sandbox_refused",
    )


def _remedy() -> str:
    if _switch("kernel/apparmor_restrict_unprivileged_userns") == "1":
        return (
            "AppArmor forbids user namespaces (Ubuntu 23.10 and later). Install the system's own package "
            "(`sudo apt install bubblewrap apparmor-profiles`) and its bwrap-userns-restrict profile, or run "
            "`sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`."
        )
    if _switch("kernel/unprivileged_userns_clone") == "0":
        return "User namespaces are switched off: run `sudo sysctl kernel.unprivileged_userns_clone=1`."
    if _switch("user/max_user_namespaces") == "0":
        return "User namespaces are switched off: run `sudo sysctl user.max_user_namespaces=15000`."
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
