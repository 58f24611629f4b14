"""Deliveries that wait for an approval, each with everything that a person needs for the decision."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from bus.blobs import Blobs
from bus.store import Store
from director.services.changes import Change, diff_of
from director.services.people import list_users
from director.services.session import run_state
from domain import run_messages as m
from domain.errors import NotFound
from domain.message import Recorded
from domain.wording import counted

OVER_ESTIMATE = 2
"""A run that cost this many times its estimate gets a warning."""


class DeliveryCard(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery. `requester`: the user who submitted the run, or its role. `own`: the reader submitted it.

    `rule`: why it needs an approval. `changes` and `diff` show the delivered files; `purged`: they are not on record.
    `warnings`: sentences that speak against a quick approval. `verdict_seq`, `delivered_seq`: the events to look up.
    """

    run: UUID
    title: str
    requester: str
    own: bool
    submitted_at: int
    delivered_at: int
    delivered_seq: int
    verdict_seq: int | None
    commit: str
    tree: str
    folder: str
    branch: str
    spent_usd: Decimal
    spent_tokens: int
    budget_usd: Decimal | None
    estimate_usd: Decimal | None
    changes: list[Change]
    added: int
    removed: int
    purged: bool
    rule: str
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    twin: str


RULE = "Every delivery needs an approval (the event run.approved) by a director or an approver."
OTHER_PERSON = " A user who submitted the run may not approve it while another person can."


async def delivery_cards(
    store: Store, blobs: Blobs, waiting: Sequence[dict[str, Any]], reader: UUID
) -> list[DeliveryCard]:
    """Return a card for each delivery of the inbox, the oldest first. `reader`: the user who looks at them."""
    names = {line.user: line.name for line in await list_users(store)}
    return [await _card(store, blobs, line, names, reader) for line in waiting]


async def _card(store: Store, blobs: Blobs, line: dict[str, Any], names: dict[UUID, str], reader: UUID) -> DeliveryCard:
    events = [each for each in await store.read_run(line["run"]) if each.void is None]
    submitted = next((each for each in events if isinstance(each.event, m.Submitted)), None)
    delivered = next((each for each in reversed(events) if isinstance(each.event, m.Delivered)), None)
    verdict = next((each for each in reversed(events) if isinstance(each.event, m.Verified)), None)
    state = await run_state(store, line["run"])
    try:
        changes, diff = await diff_of(state, blobs)
        purged = False
    except NotFound:
        changes, diff, purged = [], "", True
    asked = submitted.event if submitted is not None else None
    assert asked is None or isinstance(asked, m.Submitted)
    estimate = asked.estimate.micro_usd.mid if asked is not None and asked.estimate is not None else None
    estimate_usd = None if estimate is None else Decimal(estimate) / 1_000_000
    lines = diff.splitlines()
    return DeliveryCard(
        run=line["run"],
        title=line["title"],
        requester=_requester(submitted, names),
        own=submitted is not None and submitted.envelope.principal == reader,
        submitted_at=submitted.envelope.occurred_at if submitted else 0,
        delivered_at=delivered.envelope.occurred_at if delivered else 0,
        delivered_seq=delivered.seq if delivered else 0,
        verdict_seq=verdict.seq if verdict else None,
        commit=line["commit_id"] or "",
        tree=verdict.event.judgement.tree if verdict and isinstance(verdict.event, m.Verified) else "",
        folder=line["folder"] or "",
        branch=line["branch"] or "",
        spent_usd=line["spent_usd"],
        spent_tokens=line["spent_tokens"],
        budget_usd=asked.allowance.amount.usd if asked is not None else None,
        estimate_usd=estimate_usd,
        changes=changes,
        added=sum(each.startswith("+") and not each.startswith("+++") for each in lines),
        removed=sum(each.startswith("-") and not each.startswith("---") for each in lines),
        purged=purged,
        rule=RULE + OTHER_PERSON,
        warnings=tuple(_warnings(line, changes, estimate_usd)),
        notes=tuple(line["base_notes"]),
        twin=f"{asked.requirement}/{verdict.event.judgement.tree}"
        if asked is not None and verdict is not None and isinstance(verdict.event, m.Verified)
        else str(line["run"]),
    )


def _requester(submitted: Recorded | None, names: dict[UUID, str]) -> str:
    if submitted is None:
        return "not on record"
    return names.get(submitted.envelope.principal, submitted.envelope.role)


def _warnings(line: dict[str, Any], changes: Sequence[Change], estimate: Decimal | None) -> list[str]:
    """Return the sentences that speak against a quick approval."""
    found = []
    if line["left_out"]:
        names = ", ".join(line["left_out"][:5])
        found.append(f"{counted(len(line['left_out']), 'file')} outside the scope were written and left out: {names}.")
    if line["degraded"]:
        found.append(line["degraded"])
    if estimate and line["spent_usd"] > OVER_ESTIMATE * estimate:
        found.append(f"The run cost more than {OVER_ESTIMATE} times its estimate.")
    gone = [each.path for each in changes if each.what == "deleted"]
    if gone:
        found.append(f"It deletes {counted(len(gone), 'file')}: {', '.join(gone[:5])}.")
    odd = [each.path for each in changes if each.kind in ("link", "submodule", "executable")]
    if odd:
        found.append(f"It has links, submodules or executables: {', '.join(odd[:5])}.")
    return found


def twins(cards: Sequence[DeliveryCard]) -> list[list[DeliveryCard]]:
    """Return the groups of deliveries that one decision may approve: the same requirement and tree, and no warnings."""
    groups: dict[str, list[DeliveryCard]] = {}
    for card in cards:
        if not card.warnings and not card.notes and not card.own:
            groups.setdefault(card.twin, []).append(card)
    return [group for group in groups.values() if len(group) > 1]
