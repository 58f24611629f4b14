"""compose.yaml on a real Docker engine: all services become healthy, a delivery is verified, and servers die."""

import json
import os
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from runtime.process_config import STAFF_ROLES
from tests.engine.daemon import Engine, EngineFailed, missing
from tests.engine.stack import Stack
from tests.integration.house import Sample

LACKING = missing()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(bool(LACKING), reason=f"no engine can be started here; missing: {', '.join(LACKING)}"),
]

SERVING = (*STAFF_ROLES, "employees")
SIGNING = ("verifier.ed25519", "verifier.ed25519.pub")
"""The files of the key that signs verdicts. Only the verifier has them."""
CALL_S = 3.0
SCRAPED_WAIT_S = 60.0
DOWN_S = 3.0
"""Time (s) for which a killed server is down."""
READY = ("python", "-IS", "/opt/aura/director/deployment/container_healthcheck.py")
NEW_USER_NAMESPACE = "import ctypes, sys; sys.exit(ctypes.CDLL(None).unshare(0x10000000) != 0)"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    folder = Path(tempfile.mkdtemp(prefix="aura-engine-"))
    engine = Engine(folder / "engine")
    try:
        try:
            engine.start()
        except EngineFailed as error:
            pytest.skip(f"no engine starts here: {error}")
        stack = Stack(engine, folder)
        stack.lay_out()
        with stack.timed("up, to all healthy"):
            stack.up()
        stack.open()
        yield stack
        with stack.timed("down"):
            stack.down()
        print("\n" + ", ".join(f"{what} {took_s:.1f} s" for what, took_s in stack.timings.items()))
    finally:
        engine.close()
        shutil.rmtree(folder)


def test_every_container_is_healthy_and_as_confined_as_it_is_written(stack: Stack) -> None:
    print("\nengine", stack.engine.docker("version", "--format", "{{.Server.Version}}").strip(), end=", ")
    print("compose", stack.compose("version", "--short").strip(), end=", storage driver ")
    print(stack.engine.docker("info", "--format", "{{.Driver}}, cgroup v{{.CgroupVersion}}").strip(), end=", ")
    print("its own networks" if stack.engine.bridges else "the machine's network")
    containers = stack.containers()
    assert set(containers) == {*SERVING, "secrets", "founding", "nats", "postgres", "prometheus"}
    once = [containers.pop(name) for name in ("secrets", "founding")]
    assert [container["State"]["ExitCode"] for container in once] == [0, 0]
    for name, container in containers.items():
        assert container["State"]["Health"]["Status"] == "healthy", name
        limits = container["HostConfig"]
        assert limits["ReadonlyRootfs"] is True, name
        assert limits["CapDrop"] == ["ALL"], name
        assert not limits["CapAdd"], name
        assert limits["Privileged"] is False, name
        assert "no-new-privileges:true" in limits["SecurityOpt"], name
        for published in container["NetworkSettings"]["Ports"].values():
            assert {one["HostIp"] for one in published or []} <= {"127.0.0.1"}, name
        environment = " ".join(container["Config"]["Env"])
        assert "://" not in environment, f"{name}: an address with its password"


def test_psql_in_its_container_lists_the_tables_of_the_log(stack: Stack) -> None:
    listed = stack.inside("postgres", "psql", "-U", "aura_admin", "-d", "aura_orchestra", "-c", r"\dt")
    assert {"event", "payload", "blob", "checkpoint"} <= {
        line.split("|")[1].strip() for line in listed.splitlines()[3:-2]
    }


def test_the_verifier_alone_may_make_user_namespaces(stack: Stack) -> None:
    def may(service: str) -> bool:
        said = stack.inside(service, "sh", "-c", f"python -c '{NEW_USER_NAMESPACE}' && echo yes || echo no")
        return said.strip() == "yes"

    assert {name: may(name) for name in SERVING} == {name: name == "verifier" for name in SERVING}


def test_a_requirement_is_delivered_with_a_verdict_of_the_verifiers_container(stack: Stack) -> None:
    sample = Sample()
    stack.hire("anna", {"T1": [sample.wrong("T1"), sample.right("T1")]})
    with stack.timed("submit to delivered"):
        run = stack.submit(sample)
        delivered(stack, run)
    assert stack.aura("approve", run)["outcome"] == "delivered"
    judged = [one for one in stack.events() if one["envelope"]["type"].endswith((".verified", ".rejected"))]
    assert [one["envelope"]["type"] for one in judged] == ["task.rejected", "task.verified", "run.verified"]
    assert {one["envelope"]["role"] for one in judged} == {"verifier"}
    for one in judged:
        assert one["payload"]["judgement"]["sandbox"].startswith("bubblewrap")
        print("\nnot held there, and accepted:", *one["payload"]["judgement"]["not_held"], end="")
    for service in STAFF_ROLES:
        held = set(stack.inside(service, "ls", "/aura/keys").split())
        own = {service, *SIGNING} if service == "verifier" else {service}
        assert held <= own, f"{service} holds no other key"
    stack.aura("suspend", "anna", "--reason", "its answers are for this run alone")
    assert "adder_t1.py" in stack.inside("manager", "ls", f"/aura/deliveries/{run}")
    intact(stack)


def test_prometheus_reads_every_role(stack: Stack) -> None:
    address = f"http://127.0.0.1:{stack.prometheus_port}/api/v1"

    def up() -> bool:
        targets = read(f"{address}/targets")["activeTargets"]
        return {one["labels"]["role"] for one in targets if one["health"] == "up"} == set(SERVING)

    def verdicts() -> dict[tuple[str, str], int]:
        found = read(f"{address}/query?query=sum(aura_verdicts_total)by(entity,outcome)>0")["result"]
        return {(one["metric"]["entity"], one["metric"]["outcome"]): int(one["value"][1]) for one in found}

    stack.until(up)
    stack.until(
        lambda: verdicts() == {("task", "rejected"): 1, ("task", "verified"): 1, ("run", "verified"): 1}, SCRAPED_WAIT_S
    )


def read(url: str) -> Any:
    with urlopen(url, timeout=10) as answer:
        return json.load(answer)["data"]


def test_a_run_survives_the_loss_of_its_database(stack: Stack) -> None:
    """Killed by its operator, and so started by its operator."""

    def lose() -> None:
        stack.compose("kill", "postgres")
        time.sleep(DOWN_S)
        stack.compose("up", "--detach", "--no-recreate", "postgres")

    survives(stack, "postgres", lose)


def test_a_run_survives_the_loss_of_its_log_server(stack: Stack) -> None:
    """Its process dies, and the engine starts it again."""

    def lose() -> None:
        os.kill(stack.containers()["nats"]["State"]["Pid"], signal.SIGKILL)

    survives(stack, "nats", lose)


def test_a_second_manager_stands_by_and_takes_over(stack: Stack) -> None:
    if not stack.engine.bridges:
        pytest.skip("two containers of one role need networks of their own, which this engine cannot make")
    stack.up("--no-recreate", "--scale", "manager=2")
    assert sorted(standings(stack).values()) == ["leader", "standby"]
    (lasting,) = [container for container, standing in standings(stack).items() if standing == "standby"]

    def lose() -> None:
        leader = next(container for container, standing in standings(stack).items() if standing == "leader")
        stack.engine.docker("kill", leader)
        lost = time.monotonic()
        stack.until(lambda: standings(stack).get(lasting) == "leader")
        stack.timings["take-over, as seen from outside"] = time.monotonic() - lost
        stack.up("--no-recreate", "--scale", "manager=2")

    survives(stack, "manager", lose, seen=lambda: str(standings(stack)))


def standings(stack: Stack) -> dict[str, str]:
    """Return, for the container of each running manager, whether it leads."""
    found = {}
    for container in stack.compose("ps", "--quiet", "manager").split():
        said = stack.engine.docker("exec", container, "sh", "-c", f"{' '.join(READY)} || true")
        found[container] = str(json.loads(said)["manager"])
    return found


def survives(stack: Stack, server: str, lose: Callable[[], None], seen: Callable[[], str] | None = None) -> None:
    """Deliver a run of three tasks, and lose a container once while a call is open."""
    seen = seen or (lambda: started(stack, server))
    before = seen()
    sample, name = Sample(3), f"{server}-worker"
    stack.hire(name, {task: [sample.wrong(task), sample.right(task)] for task in sample.numbers}, delay_s=CALL_S)
    with stack.timed(f"a run that loses {server}"):
        run = stack.submit(sample)
        stack.until(lambda: any(one["type"] == "task.call_started" for one in of_run(stack, run)))
        lose()
        delivered(stack, run)
    assert seen() != before, "control: it was gone"
    assert stack.aura("approve", run)["outcome"] == "delivered"
    intact(stack)
    stack.aura("suspend", name, "--reason", "its answers are for this run alone")
    stack.until(lambda: all(one["State"]["Health"]["Status"] == "healthy" for one in serving(stack)))


def started(stack: Stack, service: str) -> str:
    return str(stack.containers()[service]["State"]["StartedAt"])


def serving(stack: Stack) -> list[dict[str, Any]]:
    return [one for name, one in stack.containers().items() if name not in ("secrets", "founding")]


def of_run(stack: Stack, run: str) -> list[dict[str, Any]]:
    return [one["envelope"] for one in stack.events() if one["envelope"]["run"] == run]


def delivered(stack: Stack, run: str) -> None:
    stack.until(lambda: stack.aura("run", "show", run)["run"]["phase"] == "delivered")


def intact(stack: Stack) -> None:
    """Check that no event is lost or doubled and that replay is equal, when every reader has passed the last event."""

    def settled() -> bool:
        status = stack.aura("status")
        return set(status["positions"].values()) == {status["last_event"]}

    stack.until(settled)
    events, last = stack.events(), stack.aura("status")["last_event"]
    assert [one["seq"] for one in events] == list(range(1, last + 1)), "the log has every event of the stream"
    counted = [one for one in events if one["void"] is None]
    assert max(Counter(one["envelope"]["id"] for one in counted).values()) == 1
    orders = Counter(
        (one["envelope"]["type"], one["payload"]["order"]) for one in counted if one["payload"].get("order")
    )
    assert max(orders.values()) == 1, "one assignment, one call and one verdict for each order"
    assert stack.aura("replay", "--check")["differences"] == []
    print(f"\n{last} events, lost 0, doubled 0, replay equal", end="")
