"""Secrets in tracked files of a base need consent: they are named without their values, and nothing else is read."""

import secrets
from pathlib import Path

import pytest

from director.services.base_secrets import consent_to, refuse_new_secrets, secrets_of, shared_secrets
from domain.errors import Invalid, Refused
from tests.unit.repositories import git, needs_git
from verification.requirements.base_tree import BaseTree, read_base
from verification.requirements.model import Base

pytestmark = needs_git
REASON = "it is a key of the test bench"


def key() -> str:
    """Return a random key in the form of a provider."""
    return "AKIA" + "".join(secrets.choice("BCDFGHJKLMNPQRSTVWXZ2579") for _ in range(16))


def committed(folder: Path, message: str, **files: str) -> None:
    """Write files, or delete those that are empty, and commit them."""
    for name, text in files.items():
        path = folder / f"{name}.py"
        if text:
            path.write_text(text)
        else:
            path.unlink()
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)


def repository(folder: Path) -> Path:
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    committed(folder, "first", app="x = 1\n")
    return folder


def base(folder: Path, ref: str = "main") -> BaseTree:
    return read_base(Base(repo=str(folder), ref=ref), Path("/"))


def test_a_base_without_secrets_needs_no_consent(tmp_path: Path) -> None:
    folder = repository(tmp_path / "site")
    assert consent_to(base(folder), "") is None
    assert consent_to(base(folder), REASON) is None
    assert consent_to(None, REASON) is None
    assert shared_secrets(None) == ()


def test_a_secret_in_a_tracked_file_is_refused_with_its_place(tmp_path: Path) -> None:
    folder, value = repository(tmp_path / "site"), key()
    committed(folder, "second", config=f"x = 1\nKEY = '{value}'\n")
    with pytest.raises(Refused) as refused:
        consent_to(base(folder), "")
    assert "config.py, line 2: an AWS access key" in str(refused.value)
    assert "providers would read them" in str(refused.value)
    assert "--share-secrets 'REASON'" in refused.value.hint
    assert value not in f"{refused.value!r} {refused.value} {refused.value.hint}"


def test_a_consent_has_the_reason_and_the_places_and_no_secret(tmp_path: Path) -> None:
    folder, value = repository(tmp_path / "site"), key()
    committed(folder, "second", config=f"KEY = '{value}'\n")
    consent = consent_to(base(folder), f" {REASON} ")
    assert consent is not None
    assert (consent.reason, consent.total, consent.base_commit) == (REASON, 1, base(folder).commit)
    assert [(each.path, each.line, each.earlier) for each in consent.secrets] == [("config.py", 1, False)]
    assert value not in repr(consent)
    assert REASON in shared_secrets(consent)[0]
    with pytest.raises(Invalid, match="reason"):
        consent_to(base(folder), "  ")


def test_the_history_that_a_session_sees_counts_too(tmp_path: Path) -> None:
    folder, value = repository(tmp_path / "site"), key()
    committed(folder, "second", config=f"KEY = '{value}'\n")
    committed(folder, "third", config="")
    with pytest.raises(Refused, match=r"config\.py of an earlier commit, line 1"):
        consent_to(base(folder), "")
    assert consent_to(base(folder, git(folder, "rev-parse", "main~2").strip()), "") is None, "control: the first commit"


def test_a_message_of_a_commit_counts_too(tmp_path: Path) -> None:
    folder = repository(tmp_path / "site")
    committed(folder, f"use {key()}", app="x = 2\n")
    with pytest.raises(Refused, match="the message of commit"):
        consent_to(base(folder), "")


def test_files_that_no_employee_sees_are_not_read(tmp_path: Path) -> None:
    folder = repository(tmp_path / "site")
    git(folder, "checkout", "-q", "-b", "later")
    committed(folder, "later", later=f"KEY = '{key()}'\n")
    git(folder, "checkout", "-q", "main")
    (folder / "untracked.py").write_text(f"KEY = '{key()}'\n")
    git(folder, "config", "remote.origin.url", f"https://x:{key()}@example.com/")
    assert consent_to(base(folder), "") is None
    with pytest.raises(Refused):
        consent_to(base(folder, "later"), "")


def test_a_random_password_in_a_test_is_no_refusal(tmp_path: Path) -> None:
    folder = repository(tmp_path / "site")
    committed(folder, "second", test_app=f'password = "{secrets.token_hex(4)}-Qx7!{secrets.token_hex(8)}"\n')
    assert consent_to(base(folder), "") is None
    assert secrets_of(base(folder)).doubtful <= 1


def test_a_base_that_moves_to_new_secrets_is_refused(tmp_path: Path) -> None:
    folder = repository(tmp_path / "site")
    committed(folder, "second", config=f"KEY = '{key()}'\n")
    before = base(folder)
    committed(folder, "third", app="x = 2\n")
    refuse_new_secrets(before, base(folder))
    committed(folder, "fourth", more=f"KEY = '{key()}'\n")
    with pytest.raises(Refused, match="new secrets in tracked files"):
        refuse_new_secrets(before, base(folder))
    with pytest.raises(Refused):
        refuse_new_secrets(None, before)
