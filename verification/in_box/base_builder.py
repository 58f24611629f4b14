"""Program that builds a wheel of the base in a box and unpacks it there.

Its arguments are the project, the folder for the result, the build backend as `module:object`, and the backend's own
folders. It uses only the standard library and the packages of the build, which are on Python's path. Output of the
build goes to stderr.
"""

import importlib
import os
import sys
import zipfile


def main() -> None:
    """Call the backend's hook `build_wheel` (PEP 517) and unpack the wheel."""
    project, result, backend, *folders = sys.argv[1:]
    os.chdir(project)
    sys.path[:0] = [os.path.join(project, folder) for folder in folders]
    os.dup2(2, 1)
    sys.argv[:] = ["base_builder"]
    module, _, name = backend.partition(":")
    hooks = importlib.import_module(module)
    for part in name.split(".") if name else ():
        hooks = getattr(hooks, part)
    place = os.path.join(os.path.dirname(result), "wheel")
    os.makedirs(place)
    wheel = hooks.build_wheel(place)
    with zipfile.ZipFile(os.path.join(place, wheel)) as archive:
        archive.extractall(result)


if __name__ == "__main__":
    main()
