"""Wheels for tests, made here, and an index of them: a folder that pip finds through an environment variable."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

NOWHERE = "http://127.0.0.1:9/simple"
"""The address of an index that does not answer."""


def make_wheel(folder: Path, name: str, version: str, files: Mapping[str, str], needs: Sequence[str] = ()) -> Path:
    """Make a wheel with these modules."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{name.replace('-', '_')}-{version}"
    path = folder / f"{stem}-py3-none-any.whl"
    info = f"{stem}.dist-info"
    metadata = [
        "Metadata-Version: 2.1",
        f"Name: {name}",
        f"Version: {version}",
        *(f"Requires-Dist: {x}" for x in needs),
    ]
    whole = {
        **files,
        f"{info}/METADATA": "\n".join(metadata) + "\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in [*whole, f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w") as wheel:
        for inside, text in {**whole, f"{info}/RECORD": record}.items():
            wheel.writestr(inside, text)
    return path


def only_from(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every pip that starts from here take packages only from this folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in {"PIP_FIND_LINKS": str(folder), "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": "/dev/null"}.items():
        monkeypatch.setenv(name, value)
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
