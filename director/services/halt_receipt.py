"""The receipt of a halt: which components have stopped and when, what they stopped, and the money in flight."""

import asyncio
from collections.abc import Iterable, Sequence
from uuid import UUID

import msgspec

from agents.halt_receipts import WORKER
from bus.store import FAR, Store
from director.services.views import PEOPLE
from domain.errors import NotFound
from domain.halt import HaltAcknowledged
from domain.message import Recorded
from domain.money import NOTHING, Amount
from domain.organisation import Halted, Resumed
from governance.gate import Outcome
from projections.consumer_names import CONSUMER_NAMES

RECEIPT_WAIT_S = 10.0
POLL_S = 0.05
MS_US = 1000


class ComponentReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """One component. `after_ms`: milliseconds from the halt to its receipt; None: it has not answered.

    `boxes`: the boxes that it ended. `calls`: the orders that it cut off. `seq`: of its event.
    """

    component: str
    after_ms: int | None
    boxes: tuple[str, ...] = ()
    calls: int = 0
    seq: int = 0


class HaltReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """The last halt. `halted`: it has not been resumed. `complete`: each component has answered.

    `open_calls` and `in_flight`: permitted calls without a receipt, and the amount reserved and not settled, when the
    manager read the halt. A call that was cut off is charged at its upper bound. `recorded_up_to`: the recorder's
    position, which is at or after the halt.
    """

    halt: UUID
    seq: int
    at: int
    reason: str
    halted: bool
    complete: bool
    components: tuple[ComponentReceipt, ...]
    open_calls: int
    in_flight: Amount
    recorded_up_to: int


async def last_halt(store: Store) -> HaltReceipt:
    """Return the receipt of the last halt. Raises NotFound if there was none."""
    kinds = (Halted.type, Resumed.type, HaltAcknowledged.type)
    events = [each for each in await store.read_types(kinds, FAR) if each.void is None]
    halt = next((each for each in reversed(events) if isinstance(each.event, Halted)), None)
    if halt is None or not isinstance(halt.event, Halted):
        raise NotFound("The organisation was never halted.", hint="To halt it: aura halt --reason ...")
    resumed = any(isinstance(each.event, Resumed) for each in events if each.seq > halt.seq)
    said = {event.component: each for each, event in _receipts(events, halt.envelope.id)}
    workers = [f"{WORKER}{person.name}" for person in await PEOPLE.read(store) if person.phase == "working"]
    components = tuple(
        _component(name, said.get(name), halt) for name in dict.fromkeys((*CONSUMER_NAMES, *workers, *said))
    )
    manager = said["manager"].event if "manager" in said else None
    return HaltReceipt(
        halt=halt.envelope.id,
        seq=halt.seq,
        at=halt.envelope.occurred_at,
        reason=halt.event.reason,
        halted=not resumed,
        complete=all(each.after_ms is not None for each in components),
        components=components,
        open_calls=manager.open_calls if isinstance(manager, HaltAcknowledged) else 0,
        in_flight=manager.in_flight if isinstance(manager, HaltAcknowledged) else NOTHING,
        recorded_up_to=await store.recorded_up_to(),
    )


async def receipt_of(store: Store, outcome: Outcome, wait_s: float = RECEIPT_WAIT_S) -> HaltReceipt:
    """Return the receipt of a halt when it is complete, or what there is of it after `wait_s`."""
    deadline = asyncio.get_running_loop().time() + wait_s
    while True:
        found = await last_halt(store)
        if found.complete or found.seq > outcome.seq or asyncio.get_running_loop().time() > deadline:
            return found
        await asyncio.sleep(POLL_S)


def _receipts(events: Iterable[Recorded], halt: UUID) -> list[tuple[Recorded, HaltAcknowledged]]:
    return [
        (each, each.event) for each in events if isinstance(each.event, HaltAcknowledged) and each.event.halt == halt
    ]


def _component(name: str, said: Recorded | None, halt: Recorded) -> ComponentReceipt:
    if said is None or not isinstance(said.event, HaltAcknowledged):
        return ComponentReceipt(component=name, after_ms=None)
    after = max(said.envelope.occurred_at - halt.envelope.occurred_at, 0)
    return ComponentReceipt(
        component=name, after_ms=after // MS_US, boxes=said.event.boxes, calls=said.event.calls, seq=said.seq
    )


def silent(receipt: HaltReceipt) -> Sequence[str]:
    """Return the components that have not answered."""
    return [each.component for each in receipt.components if each.after_ms is None]
