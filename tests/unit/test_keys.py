"""Keys: only a process that can read a role's key is the principal of this role."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from domain.errors import Forbidden, Invalid
from governance import keys
from governance.authority import ROLES

OTHERS = (0o640, 0o604, 0o660, 0o644, 0o620, 0o601)


def test_a_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        path = keys.create(tmp_path / "keys", "director")
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == ["director"]
    assert keys.load(path.parent, "director").role == "director"


def test_a_key_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    first = keys.load_or_create(tmp_path, "manager")
    assert keys.load_or_create(tmp_path, "manager") == first
    assert keys.load(tmp_path, "manager") == first


def test_every_key_is_another_principal(tmp_path: Path) -> None:
    principals = [keys.load_or_create(tmp_path, role) for role in ROLES]
    principals.append(keys.load_or_create(tmp_path, "director", name="deputy"))
    assert len({principal.id for principal in principals}) == len(ROLES) + 1
    assert principals[-1].role == "director"


def test_the_role_stands_in_the_key_and_not_in_its_name(tmp_path: Path) -> None:
    keys.create(tmp_path, "employee", name="director")
    assert keys.load(tmp_path, "director").role == "employee"


def test_processes_that_start_together_agree_on_one_whole_key(tmp_path: Path) -> None:
    for number in range(20):
        with ThreadPoolExecutor(4) as pool:
            made = list(pool.map(lambda _, name=f"k{number}": keys.load_or_create(tmp_path, "hr", name=name), range(4)))
        assert len(set(made)) == 1
    assert not [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".")]


@pytest.mark.parametrize("mode", OTHERS, ids=oct)
def test_a_key_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    path = keys.create(tmp_path, "director")
    path.chmod(mode)
    with pytest.raises(Forbidden, match="Other users can read"):
        keys.load(tmp_path, "director")
    path.chmod(0o600)
    assert keys.load(tmp_path, "director").role == "director"


def test_a_key_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Forbidden, match="cannot be read"):
        keys.load(tmp_path, "director")
    (tmp_path / "manager").mkdir()
    with pytest.raises(Forbidden, match="cannot be read"):
        keys.load(tmp_path, "manager")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"director",
        b"director:",
        b"director:" + b"a" * 63,
        b"emperor:" + b"a" * 64,
        b"\xff\xfe" * 40,
        b"director:" + "ä".encode() * 64,
        b"director:" + b"z" * 64,
    ],
    ids=["empty", "no-secret", "empty-secret", "short", "no-such-role", "not-text", "not-ascii", "not-hex"],
)
def test_what_is_not_a_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = keys.create(tmp_path, "director")
    path.write_bytes(content)
    with pytest.raises(Invalid, match="not a key"):
        keys.load(tmp_path, "director")
    path.write_bytes(b"director:" + b"a" * 64 + b"\n")
    assert keys.load(tmp_path, "director").role == "director"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_key_of_somebody_else_is_refused(tmp_path: Path) -> None:
    path = keys.create(tmp_path, "director")
    path.chmod(0o000)
    with pytest.raises(Forbidden, match="cannot be read"):
        keys.load(tmp_path, "director")
