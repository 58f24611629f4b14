"""Installations of npm and pip packages into a folder, without running anything of the packages on this machine."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from agents.employees.safe_text import one_line
from domain.errors import Unavailable

INSTALL_WAIT_S = 1800.0
"""Limit of one run of a package manager. Then it is ended, also if it neither writes nor ends."""
LINES_KEPT_MAX = 40
REASON_CHARS_MAX = 300
SITE = "site"
"""Folder of a toolbox with Python packages."""
_PASSED_ON = re.compile(
    r"PATH|HOME|LANG|TMPDIR|(https?|no|all)_proxy|SSL_CERT_(FILE|DIR)|NODE_EXTRA_CA_CERTS|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE"
    r"|PIP_.*|npm_config_.*",
    re.IGNORECASE,
)
"""Variables that the package managers get. Keys of providers are not among them."""
_NO_NETWORK = (
    "ENOTFOUND",
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ECONNRESET",
    "ETIMEDOUT",
    "ENETUNREACH",
    "NewConnectionError",
    "Temporary failure in name resolution",
    "ConnectTimeout",
    "Failed to establish a new connection",
    "from versions: none",  # pip says the same if the index does not answer
)
_ERRORS = ("npm error", "ERROR:")
_NO_SPACE = ("ENOSPC", "No space left on device", "Disk quota exceeded")
_NOT_THERE = ("E404", "ETARGET", "No matching version", "No matching distribution", "Could not find a version")


Say = Callable[[str], None]
"""Shows one line of progress."""


def install_npm(folder: Path, packages: Mapping[str, str], say: Say) -> dict[str, str]:
    """Install npm packages into `folder/node_modules`. Return all installed packages with their versions."""
    program = shutil.which("npm")
    if program is None:
        raise Unavailable(
            "npm is not installed, and this coding agent comes from npm.",
            hint="Install Node.js with npm, on Debian: `apt install npm`. It is needed only for the installation.",
            code="npm_missing",
        )
    (folder / "package.json").write_text('{"name": "toolbox", "private": true}\n', encoding="ascii")
    specs = [f"{name}@{version}" for name, version in sorted(packages.items())]
    options = ("--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund", "--no-update-notifier", "--save-exact")
    _run((program, "install", *options, *specs), folder, "npm", say)
    return _npm_packages(folder)


def install_pip(folder: Path, packages: Mapping[str, str], say: Say) -> dict[str, str]:
    """Install Python packages into `folder/site`. Return all installed packages with their versions."""
    if subprocess.run((sys.executable, "-m", "pip", "--version"), capture_output=True, check=False).returncode:
        raise Unavailable(
            "pip is not installed in the environment of this program, and this coding agent comes from PyPI.",
            hint=f"Install it: `{sys.executable} -m ensurepip`.",
            code="pip_missing",
        )
    specs = [f"{name}=={version}" for name, version in sorted(packages.items())]
    target = folder / SITE
    options = ("--target", str(target), "--only-binary=:all:", "--no-compile", "--no-input", "--progress-bar=off")
    _run((sys.executable, "-m", "pip", "install", "--no-warn-conflicts", *options, *specs), folder, "pip", say)
    shutil.rmtree(target / "bin", ignore_errors=True)  # scripts with the path of this machine's interpreter
    compiler = ("-m", "compileall", "-qq", "-j", "0", "--invalidation-mode", "unchecked-hash", "-s", str(target))
    subprocess.run((sys.executable, "-I", *compiler, str(target)), capture_output=True, check=False, umask=0o022)
    return _pip_packages(target)


def _run(command: Sequence[str], folder: Path, name: str, say: Say) -> None:
    """Run a package manager and show its lines. Raises Unavailable with the reason of a failure."""
    environment = {key: value for key, value in os.environ.items() if _PASSED_ON.fullmatch(key)}
    last: deque[str] = deque(maxlen=LINES_KEPT_MAX)
    ends_at = time.monotonic() + INSTALL_WAIT_S
    with subprocess.Popen(
        command,
        cwd=folder,
        env={**environment, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        umask=0o022,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        limit = threading.Timer(INSTALL_WAIT_S, _kill, (process,))
        limit.start()
        try:
            for line in process.stdout:
                last.append(line.strip())
                if line.strip():
                    say(f"{name}: {line.strip()[:REASON_CHARS_MAX]}")
            code = process.wait()
        except BaseException:
            _kill(process)
            raise
        finally:
            limit.cancel()
    if code and time.monotonic() >= ends_at:
        raise Unavailable(
            f"{name} did not install the program within {INSTALL_WAIT_S:g} s, so it was ended.",
            hint=f"Check the network, and the registry and proxy that {name} is set to. Then try again.",
            code="toolbox_failed",
        )
    if code:
        raise _failure(name, code, "\n".join(last))


def _kill(process: "subprocess.Popen[str]") -> None:
    """Kill a package manager and the programs that it has started: they may hold its output open."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _failure(name: str, code: int, said: str) -> Unavailable:
    """Return the error for a failed installation, with its reason as far as the output shows it."""
    lines = said.splitlines()
    errors = [line.removeprefix(mark).strip() for line in lines for mark in _ERRORS if line.startswith(mark)]
    reason = one_line(" ".join(errors or lines[-3:]), REASON_CHARS_MAX) or f"exit status {code}"
    kinds = (
        (
            ("Requires-Python",),
            "python_version",
            "Use a Python that this version of the agent supports, or another version.",
        ),
        (_NO_SPACE, "disk_full", "Free some space, or set AURA_HOME to a folder on a larger disk."),
        (
            _NO_NETWORK,
            "no_network",
            f"Check the network, the registry and proxy that {name} is set to, and the package's name.",
        ),
        (_NOT_THERE, "package_missing", "Correct the package and its version in the template."),
    )
    for marks, kind, hint in kinds:
        if any(mark in said for mark in marks):
            return Unavailable(f"{name} could not install the program: {reason}.", hint=hint, code=kind)
    return Unavailable(f"{name} could not install the program: {reason}.", hint="Try again.", code="toolbox_failed")


def _npm_packages(folder: Path) -> dict[str, str]:
    listed = json.loads((folder / "node_modules" / ".package-lock.json").read_bytes())["packages"]
    return {path.rpartition("node_modules/")[2]: entry["version"] for path, entry in listed.items()}


def _pip_packages(target: Path) -> dict[str, str]:
    names = (path.name.removesuffix(".dist-info").rpartition("-") for path in target.glob("*.dist-info"))
    return {name: version for name, _, version in names}
