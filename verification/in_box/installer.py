"""Program that makes a virtual environment in the box, installs the project in it, and then starts another program.

It uses only the standard library. Its arguments are the toolbox with pip, a libraries folder or "", `kept` or `removed`
for the project's folder, and the next program with its options. pip's output goes to stderr. If pip fails, the exit
status is INSTALL_FAILED.
"""

import os
import shutil
import subprocess
import sys

ENVIRONMENT = "/work/venv"
PROJECT = "/work/project"
BUILDING = "/work/building"
INSTALL_FAILED = 97
_PIP = ("-m", "pip", "install", "--quiet", "--no-index", "--no-build-isolation", "--no-input", "--no-cache-dir")
_MANNERS = ("--disable-pip-version-check", "--no-compile", "--root-user-action=ignore", "--no-warn-script-location")


def install(tools: str, libraries: str) -> bool:
    """Create a virtual environment that sees the libraries, and install the project. Return whether pip succeeded."""
    import venv

    # The environment stores the folder of its interpreter. In a box, the interpreter's path is a link in a folder
    # without Python's library, so this uses the target of the link.
    sys._base_executable = os.path.realpath(sys.executable)  # type: ignore[attr-defined]  # venv reads this
    venv.create(ENVIRONMENT, symlinks=True)
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    if libraries:
        with open(f"{ENVIRONMENT}/lib/{version}/site-packages/libraries.pth", "w", encoding="utf-8") as file:
            file.write(f"{libraries}\n")
    os.makedirs(BUILDING)
    done = subprocess.run(
        [f"{ENVIRONMENT}/bin/python3", "-P", *_PIP, *_MANNERS, PROJECT],
        stdin=subprocess.DEVNULL,
        stdout=2,
        env={**os.environ, "PYTHONPATH": tools, "TMPDIR": BUILDING, "PIP_CONFIG_FILE": os.devnull},
        cwd=BUILDING,
        check=False,
    )
    shutil.rmtree(BUILDING, ignore_errors=True)
    return done.returncode == 0


def main() -> None:
    """Install the project, then replace this program with the next one, in the same process."""
    tools, libraries, afterwards, *program = sys.argv[1:]
    if not install(tools, libraries):
        sys.exit(INSTALL_FAILED)
    if afterwards == "removed":
        shutil.rmtree(PROJECT)
    os.environ["PATH"] = f"{ENVIRONMENT}/bin:{os.environ['PATH']}"
    os.environ.pop("PYTHONPATH", None)
    os.execv(f"{ENVIRONMENT}/bin/python3", ["python3", *program])


if __name__ == "__main__":
    main()
