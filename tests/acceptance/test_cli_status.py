"""`aura status` ends with 69 if a part does not run or does not answer, and names the part."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.acceptance.cli import Aura, homely
from tests.tiers import CI

pytestmark = [pytest.mark.needs_sandbox, pytest.mark.needs_postgres, pytest.mark.needs_nats]


@pytest.fixture(scope="module")
def aura() -> Iterator[Aura]:
    with homely("up", "--no-model", AURA_RESTART_WAIT_MAX_S="30") as aura:
        yield aura.inside()


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def ready(aura: Aura) -> bool:
    return aura.run("status").code == 0


@pytest.mark.parametrize("name", ["organisation", pytest.param("nats", marks=CI), pytest.param("postgres", marks=CI)])
def test_a_part_that_does_not_answer_is_missing(aura: Aura, name: str) -> None:
    aura.until(lambda: ready(aura))
    pids = {one["name"]: one["pid"] for one in aura.status()["processes"]}
    with stopped(pids[name]):
        said = aura.run("status")
        assert said.code == 69, said
        assert name in said.err.splitlines()[0]
        assert "not ready" in next(line for line in said.out.splitlines() if line.startswith(name))
        assert name in aura.status()["missing"]
    aura.until(lambda: ready(aura))
    assert aura.status()["missing"] == [], "the control"


def test_a_process_that_ended_is_missing_until_it_is_back(aura: Aura) -> None:
    aura.until(lambda: ready(aura))
    data = aura.status()
    (before,) = [one["pid"] for one in data["processes"] if one["name"] == "organisation"]
    with stopped(data["supervisor_pid"]):  # it cannot start the process again
        os.kill(before, signal.SIGKILL)
        aura.until(lambda: aura.run("status").code == 69)
        assert aura.status()["missing"] == ["organisation"]
    aura.until(lambda: ready(aura))


def test_a_home_moved_at_work_has_no_database_to_ask(aura: Aura) -> None:
    aura.until(lambda: ready(aura))
    moved = aura.home.with_name("moved")
    aura.home.rename(moved)
    try:
        error = aura.answer("status", code=69, AURA_HOME=str(moved))["error"]
    finally:
        moved.rename(aura.home)
    assert "postgres" in error["message"]
    assert ready(aura), "the control"
