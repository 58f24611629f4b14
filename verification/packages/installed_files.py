"""Comparison of the project as pip installs it with the judged project: files and command must be equal.

The author may have written the packaging, and this could omit files, replace files, or start another command.
"""

import re
from collections.abc import Iterable, Mapping

from verification.source_scan.write_set import is_test

_OURS = frozenset({"libraries.pth"})
_NOT_CODE = frozenset({"tests", "test", "docs", "examples"})
_ABOUT = re.compile(
    r"\.|readme|licen[cs]e|changelog|notice|makefile|dockerfile|requirements|setup\.py$|.*\.(md|rst|toml|cfg|ini|lock)$",
    re.IGNORECASE,
)
_SCRIPTS = (
    "import re\nimport sys\nfrom {module} import {name}\nif __name__ == '__main__':\n"
    "    sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])\n    sys.exit({function}())\n",
    "import sys\nfrom {module} import {name}\nif __name__ == '__main__':\n    if sys.argv[0].endswith('.exe'):\n"
    "        sys.argv[0] = sys.argv[0][:-4]\n    sys.exit({function}())\n",
    "import sys\nfrom {module} import {name}\nif __name__ == '__main__':\n"
    "    sys.argv[0] = sys.argv[0].removesuffix('.exe')\n    sys.exit({function}())\n",
)
"""Programs that pip writes for an entry point, without the first lines: of pip before 24, before 26.3, from 26.3."""


def otherwise(judged: Mapping[str, bytes], installed: Mapping[str, bytes], command: str | None) -> str | None:
    """Return the first difference between the installed and the judged project, or None.

    `judged` contains the project's files. `installed` is the value of `InstallingSandbox.installed`. A difference is
    not always a fault, because packaging may omit files that are not needed, and may generate files.
    """
    modules = {path: content for path, content in installed.items() if not path.startswith("/")}
    for path, content in modules.items():
        if path in _OURS or path.partition("/")[0].endswith(".dist-info"):
            continue
        if content != judged.get(path, judged.get(f"src/{path}")):
            return f"{path} differs from the judged file"
    if twice := _tops(path for path in judged if not path.startswith("src/")) & _tops(
        path.removeprefix("src/") for path in judged if path.startswith("src/")
    ):
        return f"{min(twice)} exists twice, so the wrong one may be imported"
    for path in judged:
        if not _is_aside(path) and path not in modules and path.removeprefix("src/") not in modules:
            return f"{path} is not installed"
    if command is None or _starts(command, installed):
        return None
    return f"the installed program does not start `{command}`"


def _tops(paths: Iterable[str]) -> set[str]:
    """Return the top-level names of the paths: modules, packages and folders of data."""
    return {path.partition("/")[0].removesuffix(".py") for path in paths}


def _is_aside(path: str) -> bool:
    """Return whether a path is a test, documentation or a settings file, which pip does not install."""
    return is_test(path) or path.partition("/")[0] in _NOT_CODE or bool(_ABOUT.match(path.partition("/")[0]))


def _starts(command: str, installed: Mapping[str, bytes]) -> bool:
    name, _, target = (part.strip() for part in command.partition("="))
    module, _, function = target.partition(":")
    said = installed.get(f"/bin/{name}", b"").decode("utf-8", "replace").split("\n", 1)[-1]
    said = said.removeprefix("# -*- coding: utf-8 -*-\n")
    wanted = {"module": module, "name": function.partition(".")[0], "function": function}
    return any(said == script.format(**wanted) for script in _SCRIPTS)
