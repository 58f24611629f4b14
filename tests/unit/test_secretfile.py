"""Keys in files: an employee is built with the key, and the key is never stored."""

from pathlib import Path

import pytest

from agents.employees import postings
from agents.employees.model_employee import ModelEmployee
from agents.employees.posting import Posting
from agents.employees.providers.openai import OpenAIModel
from bus.redaction import Redactor, secrets_of
from bus.secretfile import secret
from domain.errors import Invalid

KEY = "correct-horse-battery-staple"
POSTING = Posting(
    name="coder", kind="openai", model="m", base_url="http://127.0.0.1:9/v1", api_key_env="CODER_API_KEY", price="zero"
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    return file


def test_an_employee_has_the_key_that_its_file_holds(file: Path) -> None:
    for environment in ({"CODER_API_KEY_FILE": str(file)}, {"CODER_API_KEY": KEY}):
        employee = postings.build(POSTING, environment)
        assert isinstance(employee, ModelEmployee)
        assert isinstance(employee.model, OpenAIModel)
        assert employee.model._secret() == KEY


def test_no_key_is_no_file_and_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert secret("CODER_API_KEY", {}) == ""
    assert secret("CODER_API_KEY", {"CODER_API_KEY_FILE": ""}) == ""
    assert secret("CODER_API_KEY", {"CODER_API_KEY_FILE": str(tmp_path / "empty")}) == ""
    assert secret("CODER_API_KEY", {"CODER_API_KEY_FILE": str(tmp_path / "empty"), "CODER_API_KEY": KEY}) == KEY


def test_a_file_that_does_not_read_and_two_keys_are_refused(tmp_path: Path, file: Path) -> None:
    with pytest.raises(Invalid, match=r"CODER_API_KEY_FILE names .*nowhere, which cannot be read"):
        postings.build(POSTING, {"CODER_API_KEY_FILE": str(tmp_path / "nowhere")})
    with pytest.raises(Invalid, match="both set"):
        postings.build(POSTING, {"CODER_API_KEY_FILE": str(file), "CODER_API_KEY": "another"})
    file.write_text(f"{KEY}\n{KEY}\n")
    with pytest.raises(Invalid, match="does not have exactly one line") as error:
        postings.build(POSTING, {"CODER_API_KEY_FILE": str(file)})
    assert KEY not in f"{error.value} {error.value.hint}"


def test_what_such_a_file_holds_is_never_kept(file: Path, tmp_path: Path) -> None:
    text = f"the key is {KEY}."
    nowhere = {"OTHER_TOKEN_FILE": str(tmp_path / "nowhere"), "SOME_FILE": str(file)}
    assert Redactor(secrets_of(nowhere)).clean_text(text) == text
    assert (
        Redactor(secrets_of(nowhere | {"CODER_API_KEY_FILE": str(file)})).clean_text(text) == "the key is [redacted]."
    )
