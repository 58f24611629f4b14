"""Boxes in which the project is installed first: a sandbox around another one."""

from pathlib import Path

import msgspec

from verification.casebox import ALONE, LIBRARIES
from verification.installer import INSTALL_FAILED
from verification.sandbox.base import MIB, PYTHON, Capabilities, RunResult, RunSpec, Sandbox
from verification.toolbox import TOOLS

INSTALL_WALL_S = 60.0
MEMORY_BYTES = 1024 * MIB
WORK_BYTES = 256 * MIB  # the project, its wheel and what is installed
FILES = 16_384
TOLD_CHARS_MAX = 600
INSTALLER = "/aura/installer.py"
_SOURCE = Path(__file__).with_name("installer.py")


class InstallingSandbox:
    """Runs every program in a fresh environment with the project installed, and not from the project's folder.

    `tools` is a toolbox with pip and what builds the project; `kept`: the project's folder stays where it is.
    """

    def __init__(self, sandbox: Sandbox, tools: Path, *, kept: bool) -> None:
        self._sandbox = sandbox
        self._tools = tools
        self._kept = kept
        self.last: RunResult | None = None

    @property
    def fault(self) -> str | None:
        """The last lines of pip's own words if the last installation failed."""
        if self.last is None or self.last.reason != "exit" or self.last.exit_code != INSTALL_FAILED:
            return None
        return tail(self.last)

    async def run(self, spec: RunSpec) -> RunResult:
        """The same run, begun by the installer."""
        limits = spec.limits
        libraries = LIBRARIES if LIBRARIES in spec.folders else ""
        afterwards = "kept" if self._kept else "removed"
        spec = msgspec.structs.replace(
            spec,
            argv=(PYTHON, *ALONE, INSTALLER, TOOLS, libraries, afterwards, *spec.argv[1:]),
            read_only={**spec.read_only, INSTALLER: _SOURCE.read_bytes()},
            folders={**spec.folders, TOOLS: self._tools},
            limits=msgspec.structs.replace(
                limits,
                wall_s=limits.wall_s + INSTALL_WALL_S,
                memory_bytes=max(limits.memory_bytes, MEMORY_BYTES),
                work_bytes=max(limits.work_bytes, WORK_BYTES),
                files=max(limits.files, FILES),
            ),
        )
        self.last = await self._sandbox.run(spec)
        return self.last

    async def probe(self) -> Capabilities:
        return await self._sandbox.probe()

    async def sweep(self) -> int:
        return await self._sandbox.sweep()

    async def close(self) -> None:
        await self._sandbox.close()


def tail(result: RunResult) -> str:
    """The end of what a run wrote to its standard error stream, printable."""
    said = result.stderr.decode("utf-8", "replace").strip()[-TOLD_CHARS_MAX:]
    return "".join(char if char.isprintable() or char == "\n" else "?" for char in said)
