"""The contract of every command: --help, --json with one object, defined exit codes, no traceback, a quick start."""

import json
import platform
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import pytest

from tests.acceptance.cli import WAIT_S, Aura, homely, the_object
from tests.integration.house import Sample

COMMANDS = (
    *(
        "demo",
        "up",
        "down",
        "status",
        "doctor",
        "found",
        "repair",
        "serve",
        "init",
        "check",
        "schema",
        "submit",
        "judge",
        "runs",
    ),
    *("watch", "inbox"),
    *(
        "approve",
        "reject",
        "employees",
        "hire",
        "rename",
        "suspend",
        "reinstate",
        "dismiss",
        "staff apply",
        "scores",
        "costs",
        "pause",
        "halt",
        "resume",
    ),
    *("budget", "events", "why", "state", "replay", "run show", "verdict", "attestation verify", "attestation key"),
)
HEAVY = {"nats", "asyncpg", "openai", "pydantic", "pydantic_settings", "dulwich", "rich", "ruamel", "re2", "asyncio"}
OWN = ("agents", "bus", "domain", "governance", "observability", "projections", "runtime", "sql", "verification")
OWN_OF_HELP = ("bus", "bus.crash_dump", "domain", "domain.check_limits", "domain.errors", "domain.wording")
HELP_STARTS_MAX = 25
"""Limit for the processor time of --help, as a multiple of the start of a bare interpreter. The start measures the
present speed of the machine. Where a start takes 20 ms, the limit is half a second."""
GATEWAY = ("--base-url", "http://127.0.0.1:1/v1", "--model", "m", "--price-in", "2.50", "--price-out", "10")
RUN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def asleep() -> Iterator[Aura]:
    """Return a home in which nothing was ever started."""
    with homely() as aura:
        yield aura.inside()


@pytest.fixture(scope="module")
def aura() -> Iterator[Aura]:
    with homely("up", "--no-model") as aura:
        yield aura


@pytest.fixture(scope="module")
def inside(aura: Aura) -> Aura:
    return aura.inside()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_and_answers_json(asleep: Aura, command: str) -> None:
    said = asleep.run(*command.split(), "--help")
    assert said.code == 0
    assert "Usage: aura" in said.out
    assert "--json" in said.out
    assert command.split()[0] in asleep.text("--help")
    wrong = asleep.answer(*command.split(), "--no-such-option", code=2)
    assert wrong["error"]["code"] == "usage"
    assert wrong["schema"] == f"aura/1/{command.split()[0]}"


def test_help_is_quick_because_it_imports_nothing_heavy(aura: Aura) -> None:
    program = "import sys; from director.cli.main import main; main(['--help'])\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    seen = done.stderr.split()
    assert not HEAVY & {name.partition(".")[0] for name in seen}
    assert "msgspec" in seen, "control: what is imported is seen"
    assert not [name for name in seen if name.startswith(OWN) and name not in OWN_OF_HELP]
    bare = [sys.executable, "-c", "pass"]
    pairs = [(worked_s(lambda: aura.text("--help")), worked_s(lambda: subprocess.run(bare))) for _ in range(3)]
    helps, starts = zip(*pairs, strict=True)
    assert min(helps) < HELP_STARTS_MAX * min(starts), pairs


def worked_s(act: Callable[[], object]) -> float:
    """Return the processor time (s) of the child processes."""
    began = resource.getrusage(resource.RUSAGE_CHILDREN)
    act()
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime


def test_short_help_and_the_version(asleep: Aura) -> None:
    assert asleep.text("-h") == asleep.text("--help")
    assert asleep.text("run", "show", "-h") == asleep.text("run", "show", "--help")
    version = metadata.version("aura-orchestra")
    assert asleep.text("--version") == f"aura {version}, Python {platform.python_version()}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_can_complete_commands(asleep: Aura, shell: str) -> None:
    assert "_AURA_COMPLETE" in asleep.text(_AURA_COMPLETE=f"source_{shell}")
    words = {"_AURA_COMPLETE": "complete_bash", "COMP_WORDS": "aura rep", "COMP_CWORD": "1"}
    assert sorted(asleep.text(**words).split()) == ["repair", "replay"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("run",),
        ("run", "shw", "x"),
        ("pause",),
        ("reject", RUN),
        ("submit",),
        ("why", "-1"),
        ("events", "--after", "-1"),
        ("replay", "--check", "--to", "-4"),
        ("budget", "--usd", "1", "--tokens", "-5"),
        ("submit", "x.md", "--attempts", "0"),
        ("hire", "x", "--slots", "0"),
    ],
    ids=" ".join,
)
def test_usage_errors_are_said_in_json_and_in_words(asleep: Aura, arguments: tuple[str, ...]) -> None:
    assert asleep.json(*arguments, code=2)["code"] == "usage"
    said = asleep.run(*arguments)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("aura ")
    assert "--help" in said.err


@pytest.mark.parametrize(
    ("arguments", "code", "kind"),
    [
        (("check", "nowhere.md"), 3, "not_found"),
        (("submit", "nowhere.md"), 3, "not_found"),
        (("judge", "nowhere.md", "."), 3, "not_found"),
        (("rerun", RUN), 2, "invalid"),
        (("rerun", RUN, "--recorded"), 69, "not_running"),
        (("check", ""), 2, "not_a_requirement"),
        (("judge", ".", "."), 2, "not_a_requirement"),
        (("init", ""), 2, "not_a_requirement"),
        (("init", "x.txt"), 2, "invalid"),
        (("init", "nowhere/x.md"), 2, "invalid"),
        (("init", "x.md", "--deliver", "http"), 2, "invalid"),
        (("schema", "back"), 2, "usage"),
        (("hire", "x"), 2, "invalid"),
        (("hire", "x", "--script", "nowhere.json"), 3, "not_found"),
        (("hire", "x", "--script", "binary.json"), 2, "invalid"),
        (("hire", "x", "--base-url", "http://127.0.0.1:1/v1", "--model", "m", "--style", "odd"), 2, "invalid"),
        (("hire", "x", "--base-url", "http://127.0.0.1:1/v1", "--model", "m"), 2, "price_unknown"),
        (("hire", "x", "--base-url", "http://127.0.0.1:1/v1", "--model", "m", "--price-in", "1"), 2, "invalid"),
        (("hire", "x", *GATEWAY, "--local"), 2, "invalid"),
        (("hire", "x", *GATEWAY, "--price-out", "-3"), 2, "invalid"),
        (("hire", "x", *GATEWAY, "--price-out", "1e9"), 2, "invalid"),
        (("hire", "x", *GATEWAY, "--price-out", "nan"), 2, "invalid"),
        (("hire", "x", *GATEWAY), 69, "not_running"),
        (("state", "nobody"), 3, "not_found"),
        (("state", "manager.nothing"), 3, "not_found"),
        (("replay",), 2, "invalid"),
        (("replay", "nobody"), 3, "not_found"),
        (("replay", "manager", "--check"), 2, "invalid"),
        (("serve", "nobody"), 2, "invalid"),
        (("serve", "employee"), 2, "invalid"),
        (("status",), 69, "unavailable"),
        (("runs",), 69, "not_running"),
        (("approve", RUN), 69, "not_running"),
        (("pause", "--reason", "x"), 69, "not_running"),
        (("events",), 69, "not_running"),
        (("repair",), 69, "not_running"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_mistakes_without_a_stack(asleep: Aura, arguments: tuple[str, ...], code: int, kind: str) -> None:
    (asleep.folder / "binary.json").write_bytes(b"\\x00\\xff")
    error = asleep.json(*arguments, code=code)
    assert error["code"] == kind
    assert not (asleep.home / "run").exists(), "a question starts nothing and makes nothing"


@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
def test_a_home_that_cannot_be_made_is_no_defect(asleep: Aura, as_json: bool) -> None:
    file = asleep.folder / "a-file"
    file.write_text("")
    said = asleep.run("up", "--no-model", *(["--json"] if as_json else []), AURA_HOME=str(file / "home"))
    assert said.code == 69
    assert str(file) in (said.out if as_json else said.err)
    assert "Name a folder" in (said.out if as_json else said.err)


def test_each_of_several_problems_is_set_back(asleep: Aura) -> None:
    (asleep.folder / "two.md").write_text("---\naura: 2\ntitle: 7\n---\nText\n")
    said = asleep.run("check", "two.md")
    first, *others = said.err.splitlines()
    problems = [line for line in others if line.startswith("  two.md:")]
    assert len(problems) > 1
    assert first == f"aura check: {len(problems)} problems in two.md"
    assert all(line.startswith("  ") for line in others)


def test_settings_that_do_not_read_are_named(asleep: Aura) -> None:
    error = asleep.json("status", code=2, AURA_ALLOW_DEGRADED="maybe")
    assert "AURA_ALLOW_DEGRADED" in error["message"]
    error = asleep.json("runs", code=69, AURA_POSTGRES_DSN="postgresql://aura:secret@127.0.0.1:1/aura")
    assert "secret" not in str(error)
    assert asleep.json("runs", code=69, AURA_POSTGRES_DSN="nonsense")["hint"]
    dsn = "postgresql://aura@127.0.0.1:1/aura"
    silent = asleep.answer("status", code=69, AURA_NATS_URL="nats://127.0.0.1:1", AURA_POSTGRES_DSN=dsn)
    assert silent["data"]["problem"]
    assert silent["error"]["message"] == "nats is not ready."


@pytest.mark.parametrize(
    ("arguments", "code", "kind"),
    [
        (("approve", RUN), 3, "not_found"),
        (("approve", ""), 3, "not_found"),
        (("watch",), 3, "not_found"),
        (("run", "show", "last"), 3, "not_found"),
        (("events", "--run", "nobody"), 3, "not_found"),
        (("why", "0"), 3, "not_found"),
        (("why", "9" * 30), 3, "not_found"),
        (("why", RUN), 3, "not_found"),
        (("why", "abc"), 3, "not_found"),
        (("state", "manager", "--as-of", "2026-99-01"), 2, "invalid"),
        (("state", "manager", "--as-of", "1000000"), 3, "not_found"),
        (("state", "manager", "--as-of=-1"), 2, "invalid"),
        (("state", "manager", "--run", "nobody"), 3, "not_found"),
        (("state", "manager", "--after", f"{RUN}/run"), 2, "invalid"),
        (("state", "manager.run", "--after", "nowhere"), 2, "invalid"),
        (("state", "manager.run", "--limit", "1000000"), 2, "invalid"),
        (("replay", "--check", "--to", "1000000"), 3, "not_found"),
        (("replay", "--sample", "3"), 2, "invalid"),
        (("replay", "--check", "--seed", "3"), 2, "invalid"),
        (("suspend", "nobody", "--reason", "x"), 3, "not_found"),
        (("dismiss", "nobody", "--reason", "x"), 3, "not_found"),
        (("rename", "nobody", "somebody"), 3, "not_found"),
        (("rename", "nobody", "../x"), 2, "invalid"),
        (("hire", "nobody", "--update", "--slots", "2"), 3, "not_found"),
        (("pause", "--reason", ""), 2, "invalid"),
        (("pause", "--reason", "  "), 2, "invalid"),
        (("budget", "--usd", "-1", "--tokens", "5"), 2, "invalid"),
        (("budget", "--usd", "1"), 2, "invalid"),
        (("budget", "--tokens", "1"), 2, "invalid"),
        (("budget", "--usd", "NaN", "--tokens", "5"), 2, "invalid"),
        (("budget", "--usd", "abc", "--tokens", "5"), 2, "invalid"),
        (("hire", "", "--script", "answers.json"), 2, "invalid"),
        (("hire", "../x", "--script", "answers.json"), 2, "invalid"),
        (("resume", "--reason", "x"), 7, "refused"),
        (("repair",), 0, ""),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_mistakes_with_a_stack(inside: Aura, arguments: tuple[str, ...], code: int, kind: str) -> None:
    (inside.folder / "answers.json").write_text("{}")
    whole = inside.answer(*arguments, code=code)
    assert (whole["error"] or {}).get("code", "") == kind


def test_a_key_that_others_can_read_is_forbidden(inside: Aura) -> None:
    key = inside.home / "keys" / "director"
    key.chmod(0o644)
    error = inside.json("pause", "--reason", "x", code=4)
    assert error["code"] == "forbidden"
    assert "chmod 600" in error["hint"]
    kept = key.read_text()
    key.chmod(0o600)
    key.write_text("nonsense")
    assert inside.json("pause", "--reason", "x", code=2)["hint"]
    key.write_text(kept)
    assert inside.json("pause", "--reason", "control")["seq"] > 0
    assert inside.json("pause", "--reason", "again", code=7)["hint"]
    assert inside.json("resume", "--reason", "control")["seq"] > 0


def test_requirements_that_cannot_be_met_here_are_refused_before_anything_is_written(inside: Aura) -> None:
    sample = Sample()
    file = inside.requirement(sample)
    before = inside.status()["last_event"]
    (inside.folder / "broken.md").write_bytes(sample.source.replace(b"deliver: library", b"deliver: nothing"))
    assert "broken.md:4:10:" in inside.json("submit", "broken.md", code=2)["hint"]
    (problem,) = inside.answer("check", "broken.md", code=2)["data"]["problems"]
    assert (problem["line"], problem["column"]) == (4, 10)
    error = inside.json("submit", file, "--repo", "nowhere", code=3)
    assert error["code"] == "not_found"
    assert inside.status()["last_event"] == before


def test_words_go_to_people_and_colours_to_nobody_who_forbids_them(aura: Aura, inside: Aura) -> None:
    commands = (("status",), ("runs",), ("employees",), ("events",), ("state", "hr"), ("scores",), ("--help",))
    for at, arguments in enumerate(commands):
        said = (inside if at else aura).run(*arguments, NO_COLOR="1")
        assert said.code == 0
        assert said.out
        assert "\\x1b" not in said.out + said.err
    said = aura.run("up", "--no-model", "--json")
    the_object(said)
    assert "already running" in said.err
    events = inside.run("events", "--json").out.splitlines()
    assert [json.loads(line)["seq"] for line in events] == list(range(1, len(events) + 1))
    assert all(set(json.loads(line)) == {"seq", "void", "envelope", "payload"} for line in events)


@pytest.mark.slow
@pytest.mark.ci
def test_a_reader_who_leaves_is_no_error(aura: Aura) -> None:
    process = aura.begin("events", "--follow", "--after", "0")
    assert process.stdout is not None
    assert process.stdout.readline()
    process.send_signal(2)
    _, said = process.communicate(timeout=WAIT_S)
    assert process.returncode == 130
    assert "Traceback" not in said
    done = subprocess.run(
        ["/bin/sh", "-c", f"{Path(sys.executable).with_name('aura')} events | head -n 1"],
        env=aura.environment,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=True,
    )
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr
