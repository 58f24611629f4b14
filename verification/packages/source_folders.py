"""Search for the folders of a base that must be on Python's path so that its own modules can be imported."""

from collections.abc import Mapping

from verification.packages.packaging_files import ini_of, setup_call, table, texts, toml_of


def source_folders(base: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return the folders that Python's path needs for a base's own modules, in order. The first is "", the top folder.

    Each folder with a packaging file is added together with its `src` folder. The folders that the packaging file names
    for packages are also added.
    """
    folders = [""]
    known = {path.rpartition("/")[0] for path in base}
    above = {"/".join(folder.split("/")[:end]) for folder in known for end in range(1, folder.count("/") + 2)}
    for path in sorted(base, key=lambda each: (each.count("/"), each)):
        place, _, name = path.rpartition("/")
        if name in ("pyproject.toml", "setup.py", "setup.cfg") and path.count("/") <= 3:
            folders += [
                place,
                *(f"{place}/{named}".strip("/") for named in ("src", *_package_places(name, base[path]))),
            ]
    folders.append("src")
    return tuple(dict.fromkeys(folder for folder in folders if folder == "" or folder in above))


def _package_places(name: str, content: bytes) -> list[str]:
    """Return the folders that a packaging file names for packages."""
    places: list[str] = []
    if name == "pyproject.toml":
        toml = toml_of(content)
        where = table(toml, "tool", "setuptools", "packages", "find").get("where")
        places += [str(each) for each in where] if isinstance(where, list) else []
        places += [str(value) for value in table(toml, "tool", "setuptools", "package-dir").values()]
        packages = table(toml, "tool", "poetry").get("packages")
        places += (
            [str(each["from"]) for each in packages if isinstance(each, dict) and "from" in each]
            if isinstance(packages, list)
            else []
        )
        for package in texts(table(toml, "tool", "hatch", "build", "targets", "wheel").get("packages")):
            places.append(package.rpartition("/")[0])
    elif name == "setup.cfg":
        options = ini_of(content).get("options", {})
        places += [
            line.partition("=")[2].strip() for line in options.get("package_dir", "").splitlines() if "=" in line
        ]
    else:
        directories = setup_call(content).get("package_dir")
        places += [str(value) for value in directories.values()] if isinstance(directories, dict) else []
    return [place.strip("./") for place in places if place.strip("./")]
