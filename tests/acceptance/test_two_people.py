"""Two people: the second one submits over AURA_URL and cannot approve the own request. The first one approves it."""

import http.client
import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.acceptance.cli import WAIT_S, Aura, Inside, homely
from tests.integration.house import Sample

pytestmark = [
    pytest.mark.slow,
    pytest.mark.ci,
    pytest.mark.needs_sandbox,
    pytest.mark.needs_postgres,
    pytest.mark.needs_nats,
]


def person(here: Inside, folder: Path, url: str, name: str, *scopes: str) -> Aura:
    """Return `aura` of a person at another machine: another folder and home, the address, and the own token."""
    given = [part for scope in scopes for part in ("--scope", scope)]
    token = here.json("token", "create", name, *given)["text"]
    home = folder / name
    home.mkdir()
    file = home / "token"
    file.write_text(token)
    return Aura(home, AURA_URL=url, AURA_TOKEN_FILE=str(file), PATH=os.environ["PATH"])


def signs_in(url: str) -> int:
    """Return the status of a sign-in link."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=WAIT_S)
    connection.request("GET", parts.path)
    answer = connection.getresponse()
    connection.close()
    return answer.status


def test_a_second_person_submits_and_the_first_one_approves(tmp_path: Path) -> None:
    sample = Sample(1)
    with homely("up", "--no-model", AURA_HTTP_PORT="0") as home:
        here = home.inside()
        here.hire("coder", {"T1": [sample.right("T1")]})
        here.json("user", "add", "anna", "--role", "director", "--no-password")
        here.json("user", "add", "bert", "--role", "operator", "--role", "approver", "--no-password")
        url = home.status()["api"]
        assert f"api       {url}" in here.text("status")
        assert signs_in(here.json("open", "anna")["url"]) == 303
        anna = person(here, tmp_path, url, "anna", "read", "approve")
        bert = person(here, tmp_path, url, "bert", "read", "submit", "approve")
        line = bert.json("submit", bert.requirement(sample), "--wait")
        run = line["run"]
        assert line["phase"] == "delivered", "the answer came when the run was delivered"
        assert not (bert.home / "keys").exists(), "this home has no key"
        refused = bert.json("approve", run, code=7)
        assert refused["code"] == "own_request", refused
        assert "anna" in refused["hint"] + refused["message"]
        assert bert.phase(run) == "delivered"
        shown = anna.run("inbox")
        assert run in shown.out
        released = anna.json("approve", run, "--commit", line["commit_id"])
        assert released["outcome"] == "delivered"
        who = {each["envelope"]["type"]: each["envelope"] for each in here.lines("events", "--run", run)}
        people = {each["name"]: each["user"] for each in here.json("user", "list")["users"]}
        assert who["run.submitted"]["principal"] == people["bert"]
        assert who["run.approved"]["principal"] == people["anna"]
        refusals = [each for each in here.lines("events") if each["envelope"]["type"] == "refusal.refused"]
        assert people["bert"] in [each["envelope"]["principal"] for each in refusals]
