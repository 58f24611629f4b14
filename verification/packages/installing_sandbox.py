"""A sandbox that uses another sandbox and installs the project in each box before the code runs."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from verification.execution.case_runner import ALONE, LIBRARIES
from verification.in_box.installer import INSTALL_FAILED
from verification.packages.toolbox import TOOLS
from verification.sandbox.base import MIB, PYTHON, Capabilities, RunResult, RunSpec, Sandbox

INSTALL_WALL_S = 60.0
MEMORY_BYTES = 1024 * MIB
WORK_BYTES = 256 * MIB  # enough for the project, its wheel and the installation
FILES = 16_384
COLLECT_FILES_MAX = 10_000
COLLECT_DEPTH_MAX = 40
TOLD_CHARS_MAX = 600
_ENVIRONMENT = "venv/"  # path below the work folder
INSTALLER = "/aura/installer.py"
_SOURCE = Path(__file__).parents[1] / "in_box" / "installer.py"
_INSTALLED = (f"{_ENVIRONMENT}lib/*/site-packages/**", f"{_ENVIRONMENT}bin/*")


class InstallingSandbox:
    """Sandbox that runs every program in a new virtual environment in which the project is installed.

    `tools` is a toolbox with pip and the project's build tools. Unless `kept` is True, the project's folder is removed
    before the program runs.
    """

    def __init__(self, sandbox: Sandbox, tools: Path, *, kept: bool) -> None:
        self._sandbox = sandbox
        self._tools = tools
        self._kept = kept
        self.last: RunResult | None = None

    @property
    def installed(self) -> Mapping[str, bytes]:
        """The files in the last box's environment after its end, by path, without the libraries."""
        return {} if self.last is None else _inside(self.last.files)

    @property
    def fault(self) -> str | None:
        """The last lines of pip's output if the last installation failed."""
        if self.last is None or self.last.reason != "exit" or self.last.exit_code != INSTALL_FAILED:
            return None
        return tail(self.last)

    async def run(self, spec: RunSpec) -> RunResult:
        """Run the installer in a box. It installs the project and then starts the command of `spec`."""
        limits = spec.limits
        libraries = LIBRARIES if LIBRARIES in spec.folders else ""
        afterwards = "kept" if self._kept else "removed"
        spec = msgspec.structs.replace(
            spec,
            argv=(PYTHON, *ALONE, INSTALLER, TOOLS, libraries, afterwards, *spec.argv[1:]),
            read_only={**spec.read_only, INSTALLER: _SOURCE.read_bytes()},
            folders={**spec.folders, TOOLS: self._tools},
            env={**spec.env, "PYTHONDONTWRITEBYTECODE": "1"},
            collect=(*spec.collect, *_INSTALLED),
            limits=msgspec.structs.replace(
                limits,
                wall_s=limits.wall_s + INSTALL_WALL_S,
                memory_bytes=max(limits.memory_bytes, MEMORY_BYTES),
                work_bytes=max(limits.work_bytes, WORK_BYTES),
                files=max(limits.files, FILES),
                collect_files=max(limits.collect_files, COLLECT_FILES_MAX),
                collect_bytes=max(limits.collect_bytes, WORK_BYTES),
                collect_depth=max(limits.collect_depth, COLLECT_DEPTH_MAX),
            ),
        )
        self.last = result = await self._sandbox.run(spec)
        own = {path: content for path, content in result.files.items() if not path.startswith(_ENVIRONMENT)}
        refused = tuple(each for each in result.refused if not each.startswith(_ENVIRONMENT))
        return msgspec.structs.replace(result, files=own, refused=refused)

    async def probe(self) -> Capabilities:
        return await self._sandbox.probe()

    async def sweep(self) -> int:
        return await self._sandbox.sweep()

    async def close(self) -> None:
        await self._sandbox.close()


def _inside(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the environment's files by short path: `slug.py` in site-packages, `/bin/slug` for a program."""
    found: dict[str, bytes] = {}
    for path, content in files.items():
        _, inside, module = path.partition("/site-packages/")
        if path.startswith(_ENVIRONMENT):
            found[module if inside else path.removeprefix(_ENVIRONMENT.rstrip("/"))] = content
    return found


def tail(result: RunResult) -> str:
    """Return the end of a run's stderr, with "?" for characters that are not printable."""
    said = result.stderr.decode("utf-8", "replace").strip()[-TOLD_CHARS_MAX:]
    return "".join(char if char.isprintable() or char == "\n" else "?" for char in said)
