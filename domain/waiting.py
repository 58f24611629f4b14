"""The reasons why a run waits. Each reason has a stable code, a sentence and a next step (ADR 0031)."""

from collections.abc import Collection
from typing import Literal
from uuid import UUID

import msgspec

WaitCode = Literal[
    "approval",
    "verifier",
    "no_slot",
    "resting",
    "account_limit",
    "manager",
    "paused",
    "halted",
    "not_founded",
    "organisation_budget",
    "cap",
    "asks_for_budget",
    "run_budget",
    "no_staff",
    "suspended",
    "held",
    "no_account",
    "no_price",
    "no_reviewer",
    "tier",
    "only_named",
    "shadow_tasks",
    "nobody_left",
    "not_running",
    "no_recorder",
    "no_manager",
    "no_verifier",
    "no_worker",
    "not_taken_up",
    "behind",
    "parked",
]
PASSING: Collection[WaitCode] = frozenset({"verifier", "no_slot", "resting", "account_limit", "manager"})
"""Reasons that end by themselves. Every other reason needs a person."""


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """The reason why a run waits. `hint`: the next step; empty if a person need not do anything."""

    code: WaitCode
    message: str
    hint: str = ""

    @property
    def needs_somebody(self) -> bool:
        return self.code not in PASSING


class RunWait(msgspec.Struct, frozen=True, kw_only=True):
    """An open run and the reason why it waits."""

    run: UUID
    title: str
    waiting: Wait
