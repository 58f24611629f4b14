"""The files for Prometheus: promtool accepts the settings and rules, and their metrics and runbooks exist."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from ruamel.yaml import YAML

from bus.disk_room import FREE_BYTES_MIN, STREAM_FULL_RATIO
from domain.faults import WEIGHTS, rests
from domain.waiting import PASSING
from observability.metrics import Metrics, OpenWork
from observability.room_metrics import RoomMetrics
from runtime.roles import CONSUMERS
from tests.tiers import CI, every_fourth

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "prometheus"
GUIDE = (ROOT / "docs" / "operators.md").read_text()
PROMTOOL = shutil.which("promtool")
PROMTOOL_WAIT_S = 90
PORT = 9464
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not on PATH")


WITHOUT_METRICS = {"http", "notify"}
"""Services that have no page of metrics. `http` answers /healthz, and `notify` has no port."""
CHANGED = {
    "> 1000\n": "> 9000\n",
    "== 2": "== 3",
    "for: 30s": "for: 30m",
    "> 4 * 3600": "> 3600",
    "aura_ready == 0": "aura_ready == 1",
    'state=~"ready|resting"': 'state=~"ready|suspended"',
    "> 300": "> 290",
    '"approval|verifier|': '"verifier|',
    "> 3600\n": "> 3599\n",
    "aura_budget_remaining_ratio|": "",
    "< 0.1": "< 0.11",
    "< 1073741824": "<= 1073741824",
    "> 0.8": "> 0.79",
    "> 0.5 *": "> 0.01 *",
    "> 2.5": "> 1",
    "aura_account_resting) == 1": "aura_account_resting) == 0",
    ">= 0.9": ">= 0.88",
    "> 0.5\n": "> 1.5\n",
}
"""Text in a rule -> its replacement, with which the rule's test fails."""


def read(name: str) -> Any:
    return YAML(typ="safe").load((FOLDER / name).read_text())


def by_alert(text: str) -> dict[str, dict[str, Any]]:
    """Return the rules of a text, by the name of their alert."""
    return {rule["alert"]: rule for group in YAML(typ="safe").load(text)["groups"] for rule in group["rules"]}


def rules() -> list[dict[str, Any]]:
    return [*by_alert((FOLDER / "alerts.yml").read_text()).values()]


def promtool(*arguments: str, folder: Path = FOLDER) -> subprocess.CompletedProcess[str]:
    assert PROMTOOL is not None
    command = [PROMTOOL, *arguments]
    return subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=PROMTOOL_WAIT_S,
        stdin=subprocess.DEVNULL,
    )


@needs_promtool
@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "config", "prometheus.yml"),
        ("check", "config", "one-machine.yml"),
        ("check", "rules", "alerts.yml"),
        pytest.param(("test", "rules", "alerts.test.yml"), marks=CI),
    ],
    ids=" ".join,
)
def test_promtool_reads_it(arguments: tuple[str, ...]) -> None:
    said = promtool(*arguments)
    assert said.returncode == 0, said.stdout + said.stderr


def in_part(folder: Path, text: str, alerts: set[str]) -> subprocess.CompletedProcess[str]:
    """Write these alerts of a text of rules, with only the tests of these alerts, and let promtool run them."""
    yaml = YAML(typ="safe")
    tests = read("alerts.test.yml")
    for test in tests["tests"]:
        test["alert_rule_test"] = [case for case in test["alert_rule_test"] if case["alertname"] in alerts]
    tests["tests"] = [test for test in tests["tests"] if test["alert_rule_test"]]
    kept = [rule for name, rule in by_alert(text).items() if name in alerts]
    yaml.dump({"groups": [{"name": "aura", "rules": kept}]}, folder / "alerts.yml")
    yaml.dump(tests, folder / "alerts.test.yml")
    return promtool("test", "rules", "alerts.test.yml", folder=folder)


@needs_promtool
@pytest.mark.parametrize("was", every_fourth(CHANGED))
def test_a_rule_that_is_changed_fails_its_test(tmp_path: Path, was: str) -> None:
    text = (FOLDER / "alerts.yml").read_text()
    assert was in text
    changed = text.replace(was, CHANGED[was])
    before, after = by_alert(text), by_alert(changed)
    alerts = {name for name in before if before[name] != after[name]}
    said = in_part(tmp_path, changed, alerts)
    assert said.returncode != 0, said.stdout
    said = in_part(tmp_path, text, alerts)
    assert said.returncode == 0, said.stdout + said.stderr


def test_every_metric_in_a_rule_or_query_is_listed_and_every_metric_is(tmp_path: Path) -> None:
    listed = set(re.findall(r"`(aura_\w+)`", (ROOT / "docs" / "cli.md").read_text()))
    metrics = Metrics(list(CONSUMERS), list(CONSUMERS), recorder=True)
    registries = [metrics.registry, OpenWork().registry, CollectorRegistry()]
    RoomMetrics(registries[-1], tmp_path)
    families = [family for registry in registries for family in registry.collect()]
    told = {f"{family.name}{'_total' * (family.type == 'counter')}" for family in families}
    assert {name for name in told if name.startswith("aura_")} <= listed
    queries = re.findall(r"```promql\n(.+?)\n```", GUIDE, re.DOTALL)
    used = set(re.findall(r"\baura_\w+", " ".join([*queries, *(rule["expr"] for rule in rules())])))
    assert len(used) > 8
    assert {name.removesuffix("_bucket") for name in used} <= listed


def test_the_limits_of_the_rules_are_those_of_the_program() -> None:
    by_name = {rule["alert"]: rule["expr"] for rule in rules()}
    assert by_name["AuraDiskLow"].endswith(f"< {FREE_BYTES_MIN}")
    assert by_name["AuraStreamNearlyFull"].endswith(f"> {STREAM_FULL_RATIO}")
    faults = {outcome for outcome in WEIGHTS if rests(outcome)}
    assert [set(found.split("|")) for found in re.findall(r'outcome=~"(.+?)"', by_name["AuraProviderFails"])] == [
        faults,
        faults,
    ]
    (stuck,) = re.findall(r'reason=~"(.+?)"', by_name["AuraRunStuck"])
    (others,) = re.findall(r'reason!~"(.+?)"', by_name["AuraRunWaits"])
    assert set(stuck.split("|")) == set(PASSING)
    assert set(others.split("|")) == {*PASSING, "approval"}  # which has an alert of its own


def test_each_alert_says_what_to_do_and_is_tested_both_ways() -> None:
    anchors = {
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.+)$", GUIDE, re.MULTILINE)
    }
    tried = [case for test in read("alerts.test.yml")["tests"] for case in test["alert_rule_test"]]
    for rule in rules():
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert (page, anchor in anchors) == ("docs/operators.md", True), rule
        outcomes = {bool(case["exp_alerts"]) for case in tried if case["alertname"] == rule["alert"]}
        assert outcomes == {True, False}, rule["alert"]


def test_every_container_that_serves_is_scraped() -> None:
    compose = YAML(typ="safe").load((ROOT / "compose.yaml").read_text())["services"]
    commands = {name: tuple(service.get("command") or ()) for name, service in compose.items()}
    serving = {name for name, command in commands.items() if command[:1] == ("serve",)} - WITHOUT_METRICS
    (job,) = read("prometheus.yml")["scrape_configs"]
    one_each = {target for entry in job["static_configs"] for target in entry["targets"]}
    several = {f"{name}:{found['port']}" for found in job["dns_sd_configs"] for name in found["names"]}
    assert one_each | several == {f"{name}:{PORT}" for name in serving}
