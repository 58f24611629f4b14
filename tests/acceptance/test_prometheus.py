"""A real Prometheus finds every process of `aura up --processes` and answers the queries of docs/operators.md."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from director.deployment.processes import ROLES
from observability.prometheus_targets import TARGETS_FILE
from runtime.roles import CONSUMERS
from tests.acceptance.cli import Aura, homely
from tests.integration.house import Sample

PROMETHEUS, PROMTOOL = shutil.which("prometheus"), shutil.which("promtool")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.ci,
    pytest.mark.needs_sandbox,
    pytest.mark.needs_postgres,
    pytest.mark.needs_nats,
    pytest.mark.timeout(300),  # the first test starts everything
    pytest.mark.skipif(PROMETHEUS is None or PROMTOOL is None, reason="prometheus and promtool are not on PATH"),
]

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "operators.md").read_text()
QUERIES = dict(re.findall(r"^## (.+)\n\n```promql\n(.+)\n```$", GUIDE, re.MULTILINE))
SCRAPE_S = 1
ASK_WAIT_S = 5.0
FOUND_WAIT_S = 60.0
EXTRAPOLATED = 0.35
"""`increase` may extrapolate by one scrape interval at each end. In a window of some seconds this is a large share."""
Series = dict[str, str]


class Prometheus:
    """A Prometheus on a free loopback port, with the settings of deploy/prometheus and shorter intervals."""

    def __init__(self, folder: Path, targets: Path) -> None:
        settings = (ROOT / "deploy" / "prometheus" / "one-machine.yml").read_text()
        found = "../../.aura/run/prometheus-targets.json"
        assert found in settings
        assert targets.name == Path(found).name
        folder.mkdir()
        shutil.copy(ROOT / "deploy" / "prometheus" / "alerts.yml", folder)
        (folder / "prometheus.yml").write_text(settings.replace(found, str(targets)).replace("15s", f"{SCRAPE_S}s"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        self._log = (folder / "prometheus.log").open("wb")
        assert PROMETHEUS is not None
        self._process = subprocess.Popen(
            [
                PROMETHEUS,
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={self.url.removeprefix('http://')}",
            ],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(ASK_WAIT_S)
        self._log.close()

    def get(self, path: str, **parameters: str) -> Any:
        """Return the data of its HTTP interface. The result is None while it does not answer."""
        try:
            with urlopen(f"{self.url}/api/v1/{path}?{urlencode(parameters)}", timeout=ASK_WAIT_S) as answer:
                return json.load(answer)["data"]
        except URLError:
            return None

    def ask(self, question: str) -> list[tuple[Series, float]]:
        """Run a query of the guide now, and return label -> value."""
        found = self.get("query", query=QUERIES[question])
        assert found["resultType"] == "vector"
        return [(one["metric"], float(one["value"][1])) for one in found["result"]]

    def up(self) -> dict[str, str]:
        """Return the successfully scraped processes: name -> role."""
        found = self.get("targets", state="active")
        active = found["activeTargets"] if found else []
        return {one["labels"]["name"]: one["labels"]["role"] for one in active if one["health"] == "up"}


class Watched:
    """An organisation with one delivered run of two attempts, and a Prometheus that has observed all of it."""

    def __init__(self, aura: Aura) -> None:
        self.aura = aura
        self.targets = aura.home / "run" / TARGETS_FILE
        self.prometheus = Prometheus(aura.folder / "prometheus", self.targets)
        try:
            aura.until(lambda: len(self.prometheus.up()) == len(ROLES), FOUND_WAIT_S)
            sample = Sample()
            aura.hire("anna", {"T1": [sample.wrong("T1"), sample.right("T1")]})
            time.sleep(3 * SCRAPE_S)  # the series of the new model have begun
            self.run = aura.json("submit", aura.requirement(sample), "--wait")["run"]
            aura.until(lambda: not any(aura.status()["lag"].values()))
            time.sleep(3 * SCRAPE_S)
        except BaseException:
            self.prometheus.stop()
            raise


@pytest.fixture(scope="module")
def watched() -> Iterator[Watched]:
    with homely("up", "--no-model", "--processes") as aura:
        found = Watched(aura.inside())
        yield found
        found.prometheus.stop()


def test_every_process_is_found_with_its_role_and_name(watched: Watched) -> None:
    assert watched.prometheus.up() == {role: role for role in ROLES}
    listed = json.loads(watched.targets.read_text())
    assert {one["labels"]["name"] for one in listed} == set(ROLES)


def test_which_consumer_is_behind(watched: Watched) -> None:
    answer = watched.prometheus.ask("Which consumer is behind?")
    assert {series["consumer"] for series, _ in answer} == set(CONSUMERS)
    assert {value for _, value in answer} == {0.0}


def test_how_many_runs_were_delivered(watched: Watched) -> None:
    ((_, value),) = watched.prometheus.ask("How many runs were delivered in the last hour?")
    told = watched.aura.lines("events", "--type", "run.delivered")
    assert value == pytest.approx(len(told), rel=EXTRAPOLATED)


def test_why_trees_were_rejected(watched: Watched) -> None:
    answer = watched.prometheus.ask("Why were trees rejected in the last hour?")
    (rejected,) = watched.aura.lines("events", "--run", watched.run, "--type", "task.rejected")
    reason = rejected["payload"]["judgement"]["findings"][0]["kind"]
    ((series, value),) = answer
    assert series == {"entity": "task", "reason": reason}
    assert value == pytest.approx(1, rel=EXTRAPOLATED)


def test_how_long_tasks_wait_for_their_worker(watched: Watched) -> None:
    ((_, value),) = watched.prometheus.ask("How long do 95 of 100 tasks wait for their worker?")
    assigned, called = (
        [one["envelope"]["occurred_at"] for one in watched.aura.lines("events", "--type", f"task.{name}")]
        for name in ("assigned", "call_started")
    )
    longest_s = max(after - before for before, after in zip(assigned, called, strict=True)) / 1_000_000
    assert 0 < value <= max(10 * longest_s, 0.05), "within the bucket of the longest"


def test_what_each_model_cost(watched: Watched) -> None:
    ((series, value),) = watched.prometheus.ask("What did each model cost in the last hour?")
    (finished, _) = watched.aura.lines("events", "--run", watched.run, "--type", "task.call_finished")
    snapshot = finished["payload"]["snapshot"]
    assert series == {"provider": snapshot["provider"], "model": snapshot["model"]}
    assert value == 0.0


def test_whether_somebody_leads_and_work_may_start(watched: Watched) -> None:
    question = "Does somebody lead, and may work start?"

    def states() -> dict[str, float]:
        return {series["__name__"]: value for series, value in watched.prometheus.ask(question)}

    assert states()["aura_halt_state"] == 0
    assert states()["aura_leader"] == 1
    watched.aura.json("pause", "--reason", "to be seen")
    watched.aura.until(lambda: states()["aura_halt_state"] == 1)
    watched.aura.json("resume", "--reason", "seen")
    watched.aura.until(lambda: states()["aura_halt_state"] == 0)


def test_the_queries_of_the_guide_are_these(watched: Watched) -> None:
    del watched
    asked = re.findall(r'\.ask\("(.+?)"\)|question = "(.+?)"', Path(__file__).read_text())
    assert {first or second for first, second in asked} - {"(.+?)"} >= set(QUERIES)
    assert len(QUERIES) >= 5


def test_every_rule_is_read_and_none_fires(watched: Watched) -> None:
    (group,) = watched.prometheus.get("rules")["groups"]
    assert {rule["health"] for rule in group["rules"]} == {"ok"}
    told = {rule["name"]: rule["state"] for rule in group["rules"]}
    assert "firing" not in told.values(), told


def test_promtool_finds_nothing_to_say_about_any_process(watched: Watched) -> None:
    assert PROMTOOL is not None
    pages = {one["name"]: one["url"] for one in watched.aura.status()["processes"] if one["url"]}
    assert set(pages) == set(ROLES)
    for name, url in pages.items():
        with urlopen(f"{url}/metrics", timeout=ASK_WAIT_S) as answer:
            page = answer.read()
        said = subprocess.run(
            [PROMTOOL, "check", "metrics"], input=page, capture_output=True, check=False, timeout=FOUND_WAIT_S
        )
        assert (said.returncode, said.stdout + said.stderr) == (0, b""), name


def test_a_process_that_dies_is_down_and_is_found_again_elsewhere(watched: Watched) -> None:

    def accountant() -> dict[str, Any]:
        (found,) = [one for one in watched.aura.status()["processes"] if one["name"] == "accountant"]
        return dict(found)

    before = accountant()
    os.kill(before["pid"], signal.SIGKILL)
    after = watched.aura.until(lambda: (now := accountant())["ready"] and now["pid"] != before["pid"] and now)
    assert after["url"] != before["url"]
    watched.aura.until(lambda: watched.prometheus.up() == {role: role for role in ROLES}, FOUND_WAIT_S)
