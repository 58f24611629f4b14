"""The stop of a worker at a halt: it cuts off its calls and ends the boxes of its sessions."""

from uuid import UUID

import msgspec


class HaltOrder(msgspec.Struct, frozen=True, kw_only=True):
    """The manager's order to stop at once. `halt`: the id of the halt's event. It comes as a question (probing.py)."""

    halt: UUID


class CutOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order on which the worker has stopped. `form`: `answer` is a call, `session` has a box."""

    order: UUID
    run: UUID
    task: UUID
    employee: UUID
    form: str

    @property
    def box(self) -> str:
        """The name of the box of a session."""
        return f"session {self.order}"


class HaltedWork(msgspec.Struct, frozen=True, kw_only=True):
    """The work that a worker has stopped. `still`: orders that did not end in time."""

    cut: tuple[CutOrder, ...] = ()
    still: tuple[UUID, ...] = ()


_order = msgspec.json.Decoder(HaltOrder)


def halt_order_in(data: bytes) -> HaltOrder | None:
    """Return the order to stop in a message; None for another message."""
    try:
        return _order.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
