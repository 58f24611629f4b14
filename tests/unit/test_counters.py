"""Every counter starts at 0 with each known label value, so that Prometheus sees its first count as an increase."""

from typing import get_args

import pytest
from prometheus_client import CollectorRegistry

from agents.employees.call_errors import CALL_FAILURES
from domain import task
from domain.faults import ATTEMPTS, WEIGHTS
from domain.registry import EVENTS
from domain.waiting import WaitCode
from observability.metrics import Metrics
from observability.model_metrics import Findings
from observability.wait_metrics import WaitMetrics
from runtime.roles import CONSUMERS
from tests.unit.samples import AT

OF_MODELS = {"aura_llm_requests", "aura_llm_request_duration_seconds", "aura_llm_tokens", "aura_llm_cost_usd"}
"""Metrics that start when an employee is hired."""


def values(registry: CollectorRegistry, name: str, label: str) -> set[str]:
    return {
        sample.labels[label]
        for family in registry.collect()
        for sample in family.samples
        if family.name == name and label in sample.labels
    }


def test_each_counter_and_histogram_has_its_series_before_anything_happens() -> None:
    registry = Metrics(list(CONSUMERS), list(CONSUMERS), recorder=True).registry
    counted = {
        family.name: {sample.value for sample in family.samples if not sample.name.endswith("_created")}
        for family in registry.collect()
        if family.type in ("counter", "histogram") and family.name.startswith("aura_")
    }
    assert {name for name, found in counted.items() if not found} == OF_MODELS
    assert set().union(*counted.values()) == {0.0}
    for name in ("aura_events_applied", "aura_events_appended"):
        assert set(EVENTS) < values(registry, name, "type"), name
    for name in ("aura_events_applied", "aura_events_void", "aura_projection_apply_seconds"):
        assert values(registry, name, "consumer") == set(CONSUMERS), name
    assert values(registry, "aura_task_duration_seconds", "outcome") == {"verified", "rejected"}


def test_the_series_of_a_model_begin_with_every_outcome() -> None:
    registry = CollectorRegistry()
    findings = Findings(registry)
    assert values(registry, "aura_llm_requests", "outcome") == set()
    findings.begin("openai", "m")
    assert values(registry, "aura_llm_requests", "outcome") == {*ATTEMPTS, *WEIGHTS}
    assert values(registry, "aura_llm_tokens", "kind") == {"input", "output"}
    assert registry.get_sample_value("aura_llm_cost_usd_total", {"provider": "openai", "model": "m"}) == 0


def test_the_outcomes_that_are_named_beforehand_are_all_there_are() -> None:
    assert {*ATTEMPTS, *WEIGHTS} == {*CALL_FAILURES, "answered", task.DECLINED}
    assert not set(ATTEMPTS) & set(WEIGHTS)


@pytest.mark.parametrize("name", ["aura_waiting_runs", "aura_waiting_run_seconds"])
def test_every_reason_has_a_series(name: str) -> None:
    registry = CollectorRegistry()
    WaitMetrics(registry).show({}, AT)
    assert values(registry, name, "reason") == set(get_args(WaitCode))
