"""A delivery contains the acceptance cases of a service as tests. They pass only on the right service."""

from pathlib import Path

import pytest

from agents.delivery.packaging import delivery_files
from tests.services import FORGETFUL, RIGHT, changed, notes
from tests.tiers import only_first_row
from tests.unit.test_packaging import python


def deliver(folder: Path, code: bytes) -> None:
    tree = {"notes.py": code}
    for path, content in {**tree, **delivery_files(notes(), tree, b"{}", "Verified.")}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def outcome(folder: Path) -> str:
    return python(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/acceptance").stdout


def test_the_right_service_passes(tmp_path: Path) -> None:
    deliver(tmp_path, RIGHT)
    told = outcome(tmp_path)
    assert "7 passed" in told, told
    readme = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "PORT=8000 DATA=data .venv/bin/python3 -m notes" in readme
    delivered = b"".join(path.read_bytes() for path in tmp_path.rglob("*.py"))
    assert b"Return the BOOKS" not in delivered, "a sealed case was delivered"
    assert b"Buy oat milk" in delivered


@pytest.mark.parametrize(
    ("code", "failed"),
    only_first_row(
        [
            ("forgets", FORGETFUL, 1),
            ("always 200", changed("self.send_response(status)", "self.send_response(200)"), 5),
            ("ids are floats", changed('{"id": made.lastrowid', '{"id": float(made.lastrowid)'), 3),
            ("minds the case", changed("words.lower() in text.lower()", "words in text"), 1),
            ("does not start", changed("import json\n", "import jason\n"), 7),
        ]
    ),
)
def test_a_wrong_one_fails(tmp_path: Path, code: bytes, failed: int) -> None:
    deliver(tmp_path, code)
    told = outcome(tmp_path)
    assert f"{failed} failed" in told, told
