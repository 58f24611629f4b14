"""The files of other projects below director/http/static/vendor, and their comparison with vendor.toml.

`python -m tests.architecture.vendored` downloads each package with npm and compares its files with ours.
"""

import base64
import hashlib
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path

VENDOR = Path(__file__).resolve().parents[2] / "director" / "http" / "static" / "vendor"
NPM_WALL_S = 120
LISTED = ("vendor.toml",)


def entries() -> list[dict[str, str]]:
    """Return the lines of vendor.toml."""
    found: list[dict[str, str]] = tomllib.loads((VENDOR / "vendor.toml").read_text(encoding="utf-8"))["file"]
    return found


def digest(algorithm: str, content: bytes) -> str:
    """Return a digest in the form of subresource integrity."""
    return f"{algorithm}-{base64.b64encode(hashlib.new(algorithm, content).digest()).decode()}"


def faults(folder: Path, listed: list[dict[str, str]]) -> list[str]:
    """Name the files that are not listed, are missing, or have other content than the list says."""
    licences = {entry["licence_file"] for entry in listed}
    names = {path.name for path in folder.iterdir()} - {*LISTED, *licences}
    found = [f"{name} is not in both" for name in sorted(names ^ {entry["name"] for entry in listed})]
    found += [f"{name} is missing" for name in sorted(licences) if not (folder / name).is_file()]
    for entry in listed:
        file = folder / entry["name"]
        if file.is_file() and digest("sha384", file.read_bytes()) != entry["sha384"]:
            found.append(f"{entry['name']} has another digest")
    return found


def compared() -> list[str]:
    """Download the packages, check their integrity, and name the files that differ from ours."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for package in sorted({(entry["package"], entry["version"], entry["integrity"]) for entry in entries()}):
            name, version, integrity = package
            packed = subprocess.run(
                ["npm", "pack", "--silent", f"{name}@{version}"],
                cwd=folder, check=True, capture_output=True, text=True, timeout=NPM_WALL_S,
            )  # fmt: skip
            archive = Path(folder) / packed.stdout.strip().splitlines()[-1]
            if digest("sha512", archive.read_bytes()) != integrity:
                found.append(f"{name} {version} has another integrity")
            with tarfile.open(archive) as opened:
                for entry in entries():
                    if (entry["package"], entry["version"]) == (name, version):
                        inside = opened.extractfile(f"package/{entry['path']}")
                        if inside is None or inside.read() != (VENDOR / entry["name"]).read_bytes():
                            found.append(f"{entry['name']} differs from {entry['path']} of {name} {version}")
    return found


if __name__ == "__main__":
    wrong = [*faults(VENDOR, entries()), *compared()]
    print("\n".join(wrong) or "All vendored files are those of their packages.")
    sys.exit(bool(wrong))
