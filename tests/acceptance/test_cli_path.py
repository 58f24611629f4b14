"""From `aura init` to a release with a scripted employee, and the ways in which a run ends without a release."""

import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dulwich.repo import Repo

from tests.acceptance.cli import WAIT_S, Aura, homely
from tests.integration.house import Sample

pytestmark = [pytest.mark.needs_sandbox, pytest.mark.needs_postgres, pytest.mark.needs_nats]


@pytest.fixture(scope="module")
def aura() -> Iterator[Aura]:
    with homely() as aura:
        aura.json("up", "--no-model")
        yield aura
        assert aura.run("down").code == 0


@pytest.fixture(scope="module")
def inside(aura: Aura) -> Aura:
    return aura.inside()


def refs(folder: str) -> dict[str, str]:
    with Repo(folder) as repo:
        return {name.decode(): value.decode() for name, value in repo.get_refs().items()}


def test_from_a_template_to_a_release(aura: Aura, inside: Aura) -> None:
    aura.json("init", "slug.md")
    assert inside.json("init", "slug.md", code=5)["code"] == "conflict"
    left = inside.answer("check", "slug.md", code=2)["data"]["problems"]
    assert all("is not replaced" in problem["message"] for problem in left)

    sample = Sample(2)
    file = aura.requirement(sample)
    assert inside.json("check", file)["tasks"] == ["T1", "T2"]
    inside.hire("anna", {task: [sample.wrong(task), sample.right(task)] for task in sample.numbers})
    assert "stated priors" in inside.text("estimate", file)
    price = inside.json("estimate", file)["estimate"]
    assert (price["attempts"], price["staff"], price["micro_usd"]["high"]) == (0, 1, 0), "a script costs nothing"
    line = aura.json("submit", file, "--wait", "--label", "team=web", "--label", "env=test")
    run, folder = line["run"], line["folder"]
    assert line["phase"] == "delivered"

    assert [one["run"] for one in inside.json("runs")["runs"]] == [run]
    (waiting,) = inside.json("inbox")["waiting"]
    assert (waiting["run"], waiting["estimate"]["estimate"]) == (run, price)
    assert "estimated time" in inside.text("inbox")
    assert inside.json("watch", run)["run"] == run
    shown = inside.json("run", "show", run[:8])
    assert {task["phase"] for task in shown["tasks"]} == {"verified"}
    assert len([one for one in shown["attempts"] if one["verified"] is False]) == 2
    read_attempts(inside, run, sample)
    assert not [name for name in refs(folder) if name.startswith("refs/tags/")]

    assert "delivered, waits for approval" in inside.text("runs")
    assert "delivered, waits for approval" in inside.text("run", "show", run)
    released = aura.json("approve", run, "--commit", line["commit_id"])
    assert "released" in inside.text("runs")
    assert "ended: released" in inside.text("run", "show", run)
    assert "waits for approval" not in inside.text("runs") + inside.text("run", "show", run)
    assert released["outcome"] == "delivered"
    tags = {name: value for name, value in refs(folder).items() if name.startswith("refs/tags/")}
    assert list(tags) == [released["release_ref"]] == [f"refs/tags/aura-release-{run}"]
    assert inside.json("inbox")["waiting"] == []
    for second in (("approve", run), ("reject", run, "--reason", "too late")):
        assert "is ended (delivered)" in inside.json(*second, code=5)["message"]
    assert inside.json("run", "show", run)["run"] == released
    read_back(inside, run)
    passes_again(inside, file, folder)


def read_attempts(aura: Aura, run: str, sample: Sample) -> None:
    """Check a rejected attempt with its code, and the verified attempt."""
    assert "--task T1" in aura.json("run", "show", run, "--attempt", "1", code=2)["hint"]
    assert "--attempt" in aura.json("run", "show", run, "--task", "T1", code=2)["hint"]
    assert aura.json("run", "show", run, "--attempt", "9", code=3)["code"] == "not_found"
    rejected = aura.json("run", "show", run, "--attempt", "1", "--task", "T1")
    assert (rejected["task"], rejected["verified"]) == ("T1", False)
    assert rejected["findings"]
    (path,) = sample.wrong("T1")
    assert rejected["changes"] == [{"path": path, "what": "added", "kind": "file"}]
    assert set(sample.wrong("T1")[path].splitlines()) <= {line[1:] for line in rejected["diff"].splitlines()}
    shown = aura.text("run", "show", run, "--attempt", "2", "--task", "T1")
    assert shown.startswith("T1, attempt 2: verified\n")
    assert f"    +++ b/{path}\n" in shown
    *_, end = aura.lines("run", "show", run, "--attempt", "2", "--task", "T1", "--follow")
    assert (end["call"], end["order"]["end"], end["order"]["paths"]) == (None, "handed in", 1)


def read_back(aura: Aura, run: str) -> None:
    """Check the record of a run in the output of each command that shows it."""
    events = aura.lines("events", "--run", run)
    types = [event["envelope"]["type"] for event in events]
    assert types[0] == "run.submitted"
    assert types[-1] == "run.ended"
    assert {event["envelope"]["run"] for event in events} == {run}
    delivered = next(event for event in events if event["envelope"]["type"] == "run.delivered")
    story = aura.json("why", delivered["envelope"]["id"])
    assert story["event"]["seq"] == delivered["seq"]
    chain = [event["envelope"]["type"] for event in story["causes"]]
    assert chain[-2:] == ["run.verified", "run.delivery_started"]
    assert aura.json("why", str(delivered["seq"])) == story

    now = aura.json("state", "manager.run")
    then = aura.json("state", "manager.run", "--as-of", str(delivered["seq"] - 1))
    row = only(now["tables"]["run"])
    assert (row["phase"], row["outcome"]) == ("ended", "delivered")
    assert only(then["tables"]["run"])["phase"] != "delivered"
    assert then["as_of"] == delivered["seq"] - 1
    (score,) = aura.json("scores")["scores"]
    assert (score["name"], score["verified"], score["rejected"], score["first_verified"]) == ("anna", 2, 2, 0)
    (cost,) = aura.json("costs")["costs"]
    assert (cost["run"], cost["calls"], cost["cut_off"]) == (run, 4, 0)
    costs_in_groups(aura, run)
    (compared,) = aura.json("estimates")["runs"]
    assert (compared["run"], compared["usd_held"]) == (run, True)
    assert "1 of 1 delivered run within" in aura.text("estimates")
    assert aura.json("run", "show", run)["estimate"] == compared
    assert aura.json("replay", "--check")["differences"] == []


def costs_in_groups(aura: Aura, run: str) -> None:
    """Check groups, CSV, and the comparison with a usage file that has one call too many."""
    (cost,) = aura.json("costs", "--by", "label,label.team,employee", "--label", "team=web")["costs"]
    assert (cost["labels"], cost["name"], cost["calls"]) == ({"team": "web", "env": "test"}, "anna", 4)
    assert aura.json("costs", "--label", "team=other")["costs"] == []
    assert "web" in aura.text("costs", "--by", "label.team")
    aura.json("costs", "--by", "run,day", "--csv", "costs.csv")
    header, row = (aura.folder / "costs.csv").read_text().splitlines()
    assert header == "run,title,day,usd,tokens,input_tokens,output_tokens,calls,cut_off,unpriced,estimated"
    assert row.startswith(f"{run},")
    assert aura.text("costs", "--by", "run,day", "--csv", "-").splitlines() == [header, row]
    assert "by 'colour'" in aura.json("costs", "--by", "colour", code=2)["message"]
    (line,) = aura.json("costs", "--by", "day,model")["costs"]
    usage = f"{line['day']},{line['model']},{line['input_tokens']},{line['output_tokens']}\n"
    file = aura.folder / "usage.csv"
    file.write_text(f"day,model,input_tokens,output_tokens\n{usage}")
    assert [found["differs"] for found in aura.json("costs", "--compare", str(file))["usage"]] == [False]
    file.write_text(f"{file.read_text()}{line['day']},{line['model']},1,1\n")
    assert aura.json("costs", "--compare", str(file), code=6)["code"] == "differs"


def only(rows: list[dict[str, Any]]) -> dict[str, Any]:
    assert len(rows) == 1
    return rows[0]


def passes_again(aura: Aura, file: str, folder: str) -> None:
    """Judge the delivery again, and run its acceptance tests."""
    assert aura.json("judge", file, folder)["verified"] is True
    suites = sorted(Path(folder).glob("**/test_*.py"))
    assert suites
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *map(str, suites)],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{folder}:{folder}/src", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout


def test_the_context_of_the_nats_command_line_is_for_its_owner_alone(inside: Aura) -> None:
    said = inside.run("up", "--no-model")
    path = inside.home / "run" / "nats-context.json"
    assert str(path) in said.err
    assert path.stat().st_mode & 0o777 == 0o600
    password = path.read_text().split('"password": "')[1].split('"')[0]
    assert len(password) > 20
    assert password not in said.out + said.err


def test_a_declined_delivery_has_no_release_ref(inside: Aura) -> None:
    sample = Sample()
    inside.hire("berta", {"T1": [sample.right("T1")]})
    line = inside.json("submit", inside.requirement(sample), "--wait", "--attempts", "20")
    assert line["phase"] == "delivered"
    assert inside.json("reject", line["run"], "--reason", "", code=2)["hint"]
    ended = inside.json("reject", line["run"], "--reason", "another name, please")
    assert (ended["outcome"], ended["release_ref"]) == ("declined", None)
    assert "another name, please" in ended["reason"]
    assert not [name for name in refs(line["folder"]) if name.startswith("refs/tags/")]
    assert "is ended (declined)" in inside.json("approve", line["run"], code=5)["message"]


def test_every_event_that_the_staff_caused_says_what_led_to_it(inside: Aura) -> None:
    events = inside.lines("events", "--type", "run.") + inside.lines("events", "--type", "task.")
    by_staff = [event["envelope"] for event in events if event["envelope"]["role"] != "director"]
    assert by_staff
    assert not [envelope["type"] for envelope in by_staff if envelope["cause"] is None]


def test_a_run_that_cannot_be_solved_ends_rejected(inside: Aura) -> None:
    sample = Sample()
    suspend_all(inside)
    inside.hire("never", {"T1": [sample.wrong("T1")]})
    file = inside.requirement(sample)
    error = inside.json("submit", file, "--wait", "--attempts", "2", code=1)
    assert error["code"] == "rejected"
    assert "T1" in error["message"]
    assert "aura run show" in error["hint"]
    shown = inside.json("run", "show", "last")
    assert (shown["run"]["outcome"], len(shown["attempts"])) == ("rejected", 2)
    assert shown["run"]["spent_tokens"] > 0
    text = inside.text("run", "show", "last")
    assert all(
        part in text
        for part in ("ended: rejected", "wrong_result", "cost 0.00 USD", "Next: see each attempt with `aura ")
    )
    said = inside.run("submit", file, "--wait", "--attempts", "1")
    assert said.code == 1
    assert "The run ended: rejected" in said.err


def test_a_run_under_way_is_cancelled(inside: Aura) -> None:
    sample = Sample()
    suspend_all(inside)
    inside.hire("slow", {"T1": [sample.right("T1")]}, delay_s=4.0)
    run = inside.json("submit", inside.requirement(sample))["run"]
    inside.until(lambda: inside.json("run", "show", run)["attempts"])
    assert inside.json("approve", run, code=7)["message"]
    ended = inside.json("reject", run, "--reason", "not needed any more")
    assert (ended["outcome"], ended["folder"]) == ("cancelled", None)
    assert "is ended (cancelled)" in inside.json("reject", run, "--reason", "again", code=5)["message"]
    assert inside.json("run", "show", run)["run"]["reason"] == "not needed any more"


def suspend_all(inside: Aura) -> None:
    """Suspend all employees, so that the next run goes to the next hired employee."""
    for person in inside.json("employees")["employees"]:
        if person["phase"] == "working":
            inside.json("suspend", person["name"], "--reason", "another one is tried")


@pytest.mark.slow
@pytest.mark.ci
def test_a_base_is_built_on_and_never_written(inside: Aura, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    git = ["git", "-C", str(site), "-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    (site / "kept.py").write_text("KEPT = 1\n")
    (site / "test_kept.py").write_text("import kept\n\ndef test_kept():\n    assert kept.KEPT == 1\n")
    (site / "test_gone.py").write_text("import nosuchmodule\n\ndef test_gone():\n    pass\n")
    for arguments in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "begin"]):
        subprocess.run([*git, *arguments], check=True)
    (site / "dirty.txt").write_text("not committed\n")
    before = content_of(site)

    sample = Sample()
    suspend_all(inside)
    inside.hire("builder", {"T1": [sample.right("T1")]})
    line = inside.json("submit", inside.requirement(sample), "--repo", str(site), "--ref", "main", "--wait")
    run = line["run"]
    assert line["branch"] == f"aura/{run}"
    assert Path(line["folder"]).is_relative_to(inside.home / "deliveries")
    assert f"refs/heads/aura/{run}" in refs(line["folder"])
    assert (Path(line["folder"]) / "kept.py").read_text() == "KEPT = 1\n"
    assert inside.json("approve", run)["outcome"] == "delivered"
    assert content_of(site) == before

    keys = f'base: {{repo: {site}, ref: main}}\nmay_change: [{{test: "test_kept.py::test_kept"}}]'
    named = sample.source.decode().replace("language: python", f"language: python\n{keys}")
    (inside.folder / "based.md").write_text(named)
    line = inside.json("submit", "based.md", "--wait")
    assert line["branch"] == f"aura/{line['run']}"
    assert content_of(site) == before
    short, notes = "1 of 2 test files ran", ["test_kept.py::test_kept may change and is no longer guarded"]
    (waiting,) = inside.json("inbox")["waiting"]
    for shown in (line, waiting, inside.json("run", "show", line["run"])["run"], inside.json("approve", line["run"])):
        assert (shown["base_short"], shown["base_notes"]) == (short, notes)
    assert inside.text("verdict", line["run"]).startswith(f"Verified, {short}: tree ")
    assert f"Released as {shown['release_ref']} ({short})" in inside.text("run", "show", line["run"])
    gives_the_verdict_again(inside, line["run"])
    assert inside.json("submit", "adders.md", "--repo", str(tmp_path / "nowhere"), code=3)["hint"]
    assert inside.json("submit", "adders.md", "--repo", str(site), "--ref", "nowhere", code=3)["hint"]


def gives_the_verdict_again(aura: Aura, run: str) -> None:
    """Run the command that a verdict prints. It judges the same commit with the same base and seed."""
    printed = next(line for line in aura.text("verdict", run).splitlines() if "aura judge" in line)
    words = shlex.split(printed[printed.index("aura judge") :])[1:]
    first = aura.json("verdict", run)
    second = aura.json(*["based.md" if word == "REQUIREMENT.md" else word for word in words])
    assert [(each["verified"], each["seed"]) for each in (first, second)] == [(True, first["seed"])] * 2
    results = [{(gate["gate"], gate["result"]) for gate in each["gates"]} for each in (first, second)]
    assert results[0] == results[1]


def content_of(folder: Path) -> dict[str, bytes]:
    """Return every byte of a folder, including its .git folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
@pytest.mark.ci
def test_judging_by_hand(inside: Aura, tmp_path: Path) -> None:
    sample = Sample()
    file = inside.requirement(sample, "judged")
    write(tmp_path, sample.right("T1"))
    assert inside.json("judge", file, str(tmp_path))["verified"] is True
    write(tmp_path, sample.wrong("T1"))
    whole = inside.answer("judge", file, str(tmp_path), code=1)
    assert whole["data"]["verified"] is False
    assert whole["error"]["code"] == "rejected"
    assert "wrong_result" in [finding["kind"] for finding in whole["data"]["findings"]]
    assert "wrong_result" in inside.run("judge", file, str(tmp_path)).out
    assert inside.json("judge", file, str(tmp_path / "nowhere"), code=3)["hint"]


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).write_text(text)
