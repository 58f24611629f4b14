"""The auditor's metrics: known series start at 0, and the number of label values is limited."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from bus.projection_rows import Rows
from domain import employee, task
from domain.money import Amount
from observability.model_metrics import LABEL_VALUES_MAX, OTHER, Findings, Names
from projections.auditor import AuditorProjection
from tests.unit.samples import AT, EMPLOYEE, FIRST, ORDER, PROFILE, RUN, SNAPSHOT

OF_ORDER: dict[str, Any] = {"run": RUN, "task": FIRST, "employee": EMPLOYEE, "order": ORDER}
MODEL = {"provider": PROFILE.provider, "model": PROFILE.model}


class Counted:
    """Findings and their metric registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.findings = Findings(self.registry)
        self.rows = Rows(AuditorProjection().tables)

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


@pytest.fixture
def counted() -> Counted:
    return Counted()


def test_what_can_be_named_begins_at_zero(counted: Counted) -> None:
    assert counted.value("aura_verdicts_total", entity="task", outcome="rejected", reason="wrong_result") == 0
    assert counted.value("aura_verdicts_total", entity="run", outcome="verified", reason="none") == 0
    assert counted.value("aura_incidents_total", kind="integrity") == 0
    assert counted.value("aura_llm_cost_usd_total", **MODEL) is None
    counted.findings.count(employee.Hired(employee=EMPLOYEE, profile=PROFILE), AT, counted.rows)
    assert counted.value("aura_llm_cost_usd_total", **MODEL) == 0


def test_a_call_is_counted_with_what_it_was_charged(counted: Counted) -> None:
    charged = Amount(Decimal("0.25"), 700)
    call = task.CallFinished(**OF_ORDER, snapshot=SNAPSHOT, charged=charged)
    counted.findings.count(call, AT, counted.rows)
    counted.findings.count(call, AT, counted.rows)
    assert counted.value("aura_llm_cost_usd_total", **MODEL) == 0.5
    assert counted.value("aura_llm_tokens_total", **MODEL, kind="input") == 1000
    assert counted.value("aura_llm_requests_total", **MODEL, outcome="answered") == 2
    assert counted.value("aura_llm_request_duration_seconds_sum", **MODEL, outcome="answered") == 3.0


def test_names_without_end_become_other(counted: Counted) -> None:
    for number in range(LABEL_VALUES_MAX + 5):
        snapshot = msgspec.structs.replace(SNAPSHOT, model=f"model-{number}")
        counted.findings.count(task.CallFinished(**OF_ORDER, snapshot=snapshot, charged=Amount()), AT, counted.rows)
    provider = SNAPSHOT.provider
    assert counted.value("aura_llm_requests_total", provider=provider, model="model-0", outcome="answered") == 1
    assert counted.value("aura_llm_requests_total", provider=provider, model=OTHER, outcome="answered") == 5
    names = Names()
    assert [names.bound(str(number)) for number in range(LABEL_VALUES_MAX + 1)][-1] == OTHER
    assert names.bound("0") == "0"
