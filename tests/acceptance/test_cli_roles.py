"""Each role as a separate process on given servers: a run is delivered, and the worker has no access to SQL."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.embedded.servers import nats_at, postgres_at
from governance.authority import WORKER_RIGHTS
from tests.acceptance.cli import WAIT_S, Aura, homely
from tests.clusters import with_cluster
from tests.integration.house import Sample

pytestmark = [pytest.mark.needs_sandbox, pytest.mark.needs_postgres, pytest.mark.needs_nats]

ROLES = ("verifier", "auditor", "accountant", "hr", "manager", "recorder")
"""The roles in the order of their stop. The recorder is last, because the others still write events."""


@pytest.fixture(scope="module")
def aura() -> Iterator[Aura]:
    """Return a founded organisation on given servers, with no process running."""
    with homely() as home:
        database, stream = (
            postgres_at(with_cluster(home.folder / "servers")),
            nats_at(home.folder / "servers" / "nats", WORKER_RIGHTS),
        )
        database.start_and_wait()
        stream.start_and_wait()
        try:
            home.environment |= {"AURA_NATS_URL": stream.url, "AURA_POSTGRES_DSN": database.url}
            home.environment |= {"WORKER_URL_OF_TEST": stream.worker_url}
            inside = home.inside()
            inside.json("up", "--no-model")
            assert {child["name"] for child in inside.status()["children"]} == {"organisation"}
            inside.json("down")
            yield inside
        finally:
            stream.stop()
            database.stop()


def stopped(process: subprocess.Popen[str]) -> dict[str, object]:
    """Stop a role with a signal and return its output."""
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0, out + err
    answer: dict[str, object] = json.loads(out)["data"]
    return answer


@pytest.mark.slow
def test_each_role_alone_and_all_together_deliver(aura: Aura) -> None:
    sample = Sample()
    answers = {"T1": [sample.wrong("T1"), sample.right("T1")]}
    with_sql = aura.environment
    kept = {name: value for name, value in with_sql.items() if name not in ("AURA_POSTGRES_DSN", "AURA_NATS_URL")}
    without_sql = kept | {"AURA_WORKER_NATS_URL": aura.environment["WORKER_URL_OF_TEST"]}
    processes = {role: aura.begin("serve", role, "--json", AURA_TRACEBACK="1") for role in ROLES}
    try:
        aura.hire("anna", answers)
        aura.environment = without_sql
        processes["employee:anna"] = aura.begin("serve", "employee", "anna", "--json")
        aura.environment = with_sql
        environ = Path(f"/proc/{processes['employee:anna'].pid}/environ")
        worker = aura.until(environ.read_bytes)  # empty while the program is being loaded
        assert b"AURA_WORKER_NATS_URL" in worker
        assert b"AURA_NATS_URL" not in worker
        assert b"POSTGRES" not in worker
        run = aura.json("submit", aura.requirement(sample))["run"]
        assert aura.json("watch", run)["phase"] == "delivered"
        assert aura.json("approve", run)["outcome"] == "delivered"
        shown = aura.json("run", "show", run)
        assert [one["verified"] for one in shown["attempts"]] == [False, True]
        assert aura.json("scores")["scores"][0]["verified"] == 1
        for role in ("employee:anna", *ROLES):
            assert stopped(processes.pop(role)) == {"roles": [role], "drained": True}
    finally:
        for process in processes.values():
            process.kill()
            process.communicate()
    assert aura.json("replay", "--check")["differences"] == []


def test_a_role_that_cannot_begin_says_why(aura: Aura) -> None:
    assert aura.json("serve", "employee", "nobody", code=3)["hint"]
    assert "nats" in aura.json("serve", "manager", code=69, AURA_NATS_URL="nats://127.0.0.1:1")["message"].lower()
    wrong = "postgresql://aura@127.0.0.1:1/aura"
    assert "Postgres" in aura.json("serve", "manager", code=69, AURA_POSTGRES_DSN=wrong)["message"]
