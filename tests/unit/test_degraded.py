"""A machine that does not enforce every limit: this is accepted once, by name and with a reason, or withdrawn."""

import socket
from pathlib import Path

import pytest

from bus.projection_rows import Rows
from director.services.degraded import _standing, check_limits, refused
from domain.errors import Invalid, Refused
from domain.message import Event
from domain.organisation import AcceptLimit, LimitAccepted, LimitWithdrawn, WithdrawLimit
from projections.verifier import VerifierProjection, accepted_on
from tests.unit.given import given
from tests.unit.samples import AT, COMMAND, happened
from tests.unit.test_projections import recorded
from verification.sandbox.acceptance import probed
from verification.sandbox.base import Capabilities, RunResult, RunSpec
from verification.sandbox.machine import LIMITS, limit_named, machine_id, name_of

FOUNDED = happened("organisation.founded")
ACCEPTED = (*FOUNDED, *happened("organisation.limit_accepted"))
MEMORY = "tree memory"
ACCEPT = AcceptLimit(id=COMMAND, at=AT, machine="lab", limit=MEMORY, reason=" my laptop ")
WITHDRAW = WithdrawLimit(id=COMMAND, at=AT, machine="lab", limit=MEMORY, reason="it has groups now")


class Weak:
    """A sandbox that does not enforce some limits."""

    def __init__(self, *not_held: str) -> None:
        self.not_held = not_held

    async def probe(self) -> Capabilities:
        return Capabilities(
            backend="weak",
            confinement="none",
            tree_memory=False,
            processes=True,
            syscall_filter=True,
            not_held=self.not_held,
        )

    async def run(self, spec: RunSpec) -> RunResult:
        raise NotImplementedError

    async def sweep(self) -> int:
        return 0

    async def close(self) -> None:
        return


def test_a_limit_is_accepted_once_for_a_machine_and_with_a_reason() -> None:
    given(*FOUNDED).when(ACCEPT).then(*happened("organisation.limit_accepted"))
    given(*ACCEPTED).when(ACCEPT).then()
    other = AcceptLimit(id=COMMAND, at=AT, machine="mill", limit=MEMORY, reason="old")
    given(*ACCEPTED).when(other).then(LimitAccepted(machine="mill", limit=MEMORY, reason="old"))
    given().when(ACCEPT).refused(Refused, "no organisation yet")
    silent = AcceptLimit(id=COMMAND, at=AT, machine="lab", limit=MEMORY, reason=" ")
    given(*FOUNDED).when(silent).refused(Invalid, "A reason is needed")


def test_what_was_accepted_can_be_withdrawn_and_nothing_else() -> None:
    given(*ACCEPTED).when(WITHDRAW).then(*happened("organisation.limit_withdrawn"))
    given(*FOUNDED).when(WITHDRAW).refused(Refused, "The limit tree memory is not accepted for machine lab")
    given(*ACCEPTED, *happened("organisation.limit_withdrawn")).when(WITHDRAW).refused(
        Refused, "is not accepted for machine"
    )
    given(*ACCEPTED, *happened("organisation.limit_withdrawn")).when(ACCEPT).then(
        *happened("organisation.limit_accepted")
    )


async def test_the_judge_asks_for_each_limit_that_nobody_accepted() -> None:
    weak = Weak(MEMORY, "processes")
    with pytest.raises(Refused, match=r"on this machine: tree memory, processes\.") as caught:
        await probed(weak, allow_degraded=False)
    assert "aura sandbox accept memory processes --reason" in caught.value.hint
    with pytest.raises(Refused, match=r"on this machine: processes\."):
        await probed(weak, allow_degraded=False, accepted={MEMORY})
    held = await probed(weak, allow_degraded=False, accepted={MEMORY, "processes"})
    assert held.not_held == (MEMORY, "processes"), "a verdict still says so"
    assert (await probed(weak, allow_degraded=True)).not_held == held.not_held
    assert (await probed(Weak(), allow_degraded=False)).not_held == ()


def log(*events: Event) -> Rows:
    rows = Rows(VerifierProjection.tables)
    for number, event in enumerate(events, start=1):
        VerifierProjection().apply(recorded(number, event), rows)
    return rows


def test_the_verifier_knows_what_is_accepted_on_its_machine_and_no_other() -> None:
    accepted = LimitAccepted(machine="lab", limit=MEMORY, reason="mine")
    assert accepted_on(log(accepted, accepted), "lab") == {MEMORY}
    assert accepted_on(log(accepted), "mill") == frozenset()
    assert accepted_on(log(accepted, LimitWithdrawn(machine="mill", limit=MEMORY, reason="x")), "lab") == {MEMORY}
    assert accepted_on(log(accepted, LimitWithdrawn(machine="lab", limit=MEMORY, reason="x")), "lab") == frozenset()


def test_what_stands_follows_from_the_log() -> None:
    events = [
        recorded(number, event)
        for number, event in enumerate(
            (
                LimitAccepted(machine="lab", limit=MEMORY, reason="one"),
                LimitAccepted(machine="lab", limit="processes", reason="two"),
                LimitWithdrawn(machine="lab", limit=MEMORY, reason="three"),
                LimitAccepted(machine="mill", limit=MEMORY, reason="four"),
            ),
            start=1,
        )
    ]
    assert [(each.machine, each.name, each.reason, each.seq) for each in _standing(events)] == [
        ("lab", "processes", "two", 2),
        ("mill", "memory", "four", 4),
    ]
    assert 'aura sandbox accept memory --reason "why"' in refused([MEMORY]).hint


@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_has_a_name_for_the_command_line(name: str) -> None:
    assert name_of(limit_named(name)) == name
    assert limit_named(LIMITS[name]) == LIMITS[name]
    with pytest.raises(Invalid, match="There is no limit"):
        limit_named(f"{name}x")


def test_a_machine_is_known_by_its_name_its_system_or_its_home(tmp_path: Path) -> None:
    system = tmp_path / "machine-id"
    assert machine_id("build-7", tmp_path, system) == "build-7"
    for wrong in ("", "a b", "-x", "x" * 65, "ä"):
        with pytest.raises(Invalid, match="AURA_MACHINE"):
            machine_id(wrong, tmp_path, system)
    own = machine_id(None, tmp_path / "home", system)
    assert own == machine_id(None, tmp_path / "home", system)
    assert own != machine_id(None, tmp_path / "other", system)
    system.write_text("0123456789abcdef0123456789abcdef\n")
    known = machine_id(None, tmp_path / "home", system)
    assert known == machine_id(None, tmp_path / "other", system) != own
    assert "0123456789" not in known, "the system's id is confidential"
    assert socket.gethostname() not in known


def test_where_nothing_can_be_kept_a_machine_still_has_an_id(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert machine_id(None, tmp_path / "file" / "home", tmp_path / "none")


def test_a_limit_that_is_neither_held_nor_accepted_is_refused() -> None:
    check_limits((), ())
    check_limits(("tree memory",), ("tree memory", "processes"))
    with pytest.raises(Refused, match="processes") as error:
        check_limits(("tree memory", "processes"), ("tree memory",))
    assert error.value.code == "sandbox_degraded"
