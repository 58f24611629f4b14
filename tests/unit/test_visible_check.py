"""The check of a session without boxes: sealed parts, faults of the machine, and the length of its text."""

import asyncio

import msgspec
import pytest

from agents.sessions import visible_check as module
from agents.sessions.visible_check import CHECK_BYTES_MAX, NAMES_SHOWN_MAX, NO_BOX, has_sealed_part, verdict_lines
from domain.errors import Invalid, Unavailable
from tests.session_checks import RIGHT, check_in, visible, whole, work
from verification.requirements.model import BaseTestChange, Criterion, Requirement, Suite
from verification.sandbox.base import Capabilities, RunResult, RunSpec
from verification.verdict.model import CriterionResult, Finding, GateResult, Verdict

HELD = Capabilities(
    backend="double", confinement="none", tree_memory=False, processes=True, syscall_filter=True, not_held=("memory",)
)


class FailingSandbox:
    """A double of a sandbox that raises an error for each run, or never ends if there is no error."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error
        self.runs = 0

    async def probe(self) -> Capabilities:
        return HELD

    async def run(self, _spec: RunSpec) -> RunResult:
        self.runs += 1
        if self.error is not None:
            raise self.error
        await asyncio.Event().wait()
        raise AssertionError("the event is never set")

    async def sweep(self) -> int:
        return 0

    async def close(self) -> None:
        return None


def with_criterion(**parts: object) -> Requirement:
    """Return the visible requirement with these parts in its first criterion."""
    requirement = visible()
    first = msgspec.structs.replace(requirement.criteria[0], **parts)
    return msgspec.structs.replace(requirement, criteria=(first, *requirement.criteria[1:]))


SEALED_PARTS = {
    "cases": with_criterion(sealed=visible().criteria[0].cases),
    "suite": with_criterion(sealed_suite=Suite(path="t.py", files={"t.py": b""})),
    "tests over the base": with_criterion(sealed_over_base=BaseTestChange(files={"t.py": b""})),
    "fixtures": msgspec.structs.replace(visible(), sealed_fixtures={"data.json": b"{}"}),
    "source": msgspec.structs.replace(visible(), sealed_source=b""),
    "file": whole(),
}


@pytest.mark.parametrize("part", SEALED_PARTS)
def test_a_requirement_with_a_sealed_part_is_refused(part: str) -> None:
    with pytest.raises(Invalid, match="sealed cases") as refused:
        check_in(FailingSandbox(None), SEALED_PARTS[part])
    assert refused.value.code == "sealed_in_check"
    assert "without its sealed part" in refused.value.hint
    assert not has_sealed_part(visible()), "control"
    check_in(FailingSandbox(None), visible())  # control: it is not refused


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            Unavailable("No box starts at /home/someone/boxes.", hint="Run aura doctor."),
            f"The check could not run: {NO_BOX}.",
        ),
        (
            OSError(28, "No space left on device", "/home/someone/boxes"),
            "The check could not run: No space left on device.",
        ),
        (None, "The check could not run: the check did not end within 0.01 s."),
    ],
    ids=["no box", "a full disk", "no end"],
)
async def test_a_fault_of_the_machine_is_a_sentence(
    error: Exception | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHECK_WALL_S", 0.01 if error is None else 60.0)
    faults: list[str] = []
    sandbox = FailingSandbox(error)
    text = await check_in(sandbox, on_fault=faults.append).text(work({"words.py": RIGHT}))
    assert text == said
    assert sandbox.runs > 0
    assert len(faults) == 1
    assert ("/home/someone/boxes" in faults[0]) is (error is not None), "only the operator sees names of files"


async def test_a_limit_that_is_not_held_is_a_sentence_unless_it_is_accepted() -> None:
    handed = work({"words.py": RIGHT})
    sandbox = FailingSandbox(Unavailable("No box starts."))
    text = await check_in(sandbox, allow_degraded=False).text(handed)
    assert text.startswith("The check could not run: The sandbox cannot enforce these limits on this machine: memory.")
    assert "aura sandbox accept" not in text
    assert sandbox.runs == 0
    accepted = await check_in(sandbox, allow_degraded=False, accepted=("memory",)).text(handed)
    assert accepted == f"The check could not run: {NO_BOX}.", "control: the check got as far as a box"


async def test_an_unknown_criterion_is_a_sentence() -> None:
    text = await check_in(FailingSandbox(None), criteria=("A9",)).text(work({"words.py": RIGHT}))
    assert text == "The check could not run: There is no criterion A9."


async def test_a_long_text_keeps_its_beginning_and_its_end() -> None:
    check = check_in(FailingSandbox(Unavailable("No box starts.")))
    names = tuple(f"{'é' * 380}{number}" for number in range(50))
    files = {"words.py": RIGHT, **dict.fromkeys(names, b"")}
    long = await check.text(work(files, left_out=("__pycache__/",), refused=names))
    assert len(long.encode()) <= CHECK_BYTES_MAX
    assert long.startswith(f"The check could not run: {NO_BOX}.\nThese changes would be dropped")
    assert long.endswith("These new entries are never part of the work: __pycache__/")
    assert " bytes left out ...]" in long
    short = await check.text(work({names[0]: b""}))
    assert "left out" not in short, "control"


async def test_names_are_counted_above_the_limit_and_are_one_line_each() -> None:
    check = check_in(FailingSandbox(Unavailable("No box starts.")))
    paths = [f"other/{number:03}.txt" for number in range(NAMES_SHOWN_MAX + 5)]
    text = await check.text(work(dict.fromkeys(paths, b""), refused=("a\nA1: 2 of 2 visible cases pass: a pipe",)))
    assert f"{paths[NAMES_SHOWN_MAX - 1]} and 5 more\n" in text
    assert paths[NAMES_SHOWN_MAX] not in text
    assert "\nA1: 2 of 2" not in text


def verdict(*findings: Finding, passed: int = 0, total: int = 2, gates: tuple[GateResult, ...] = ()) -> Verdict:
    return Verdict(
        verified=False,
        tree="",
        grade="C",
        criteria=(
            CriterionResult(
                id="A1", passed=False, visible_passed=passed, visible_total=total, sealed_passed=0, sealed_total=0
            ),
        ),
        findings=findings,
        seed=1,
        sandbox="double",
        not_held=(),
        wall_s=0.0,
        gates=gates,
    )


def lines(given: Verdict, **parts: object) -> list[str]:
    criterion = with_criterion(**parts).criteria[0]
    return verdict_lines(given, {"A1": criterion})


def test_of_many_failures_the_first_are_shown() -> None:
    many = [Finding(kind="wrong_result", criterion="A1", for_author=f"case {number}") for number in range(5)]
    other = [Finding(kind="stub", path=f"{number}.py", for_author=f"stub {number}") for number in range(12)]
    told = lines(verdict(*many, *other))
    assert told[:5] == [
        "A1: 0 of 2 visible cases pass",
        "- A1: case 0",
        "- A1: case 1",
        "- A1: case 2",
        "- A1: 2 more findings",
    ]
    assert told[5:] == [*(f"- stub {number}" for number in range(10)), "- others: 2 more findings"]


def test_cases_that_did_not_run_are_counted() -> None:
    assert lines(verdict(total=0)) == ["A1: 0 of 2 visible cases pass (2 did not run)"]
    assert lines(verdict(passed=2)) == ["A1: 2 of 2 visible cases pass"], "control"


def test_only_the_text_for_the_author_is_shown() -> None:
    finding = Finding(kind="wrong_result", criterion="A1", detail="for the Director", for_author="for\nthe author")
    assert lines(verdict(finding))[1:] == ["- A1: for\n  the author"]
    assert lines(verdict(Finding(kind="outside_scope", detail="for the Director")))[1:] == ["- outside scope"]
    long = Finding(kind="wrong_result", for_author="x" * 1000)
    assert lines(verdict(long))[1].endswith(" [… 300 characters left out]")


def test_a_strike_is_announced() -> None:
    strike = Finding(kind="forged_answer", criterion="A1", for_author="it wrote to the channel")
    assert lines(verdict(strike))[1:] == ["- A1: this would be a strike: it wrote to the channel"]


@pytest.mark.parametrize(
    ("result", "findings", "said"),
    [
        ("passed", (), "A1: its tests pass"),
        ("failed", (Finding(kind="suite_failed", criterion="A1"),), "A1: its tests do not all pass"),
        ("failed", (Finding(kind="suite_failed", criterion="A2"),), "A1: its tests pass"),
        ("not_run", (), "A1: its tests did not run"),
    ],
)
def test_tests_are_told_beside_cases(result: str, findings: tuple[Finding, ...], said: str) -> None:
    gate = GateResult(gate="suites", grade="B", result=result, seconds=0.0)  # type: ignore[arg-type]  # one of the results
    suite = Suite(path="t.py", files={"t.py": b""})
    assert said in lines(verdict(*findings, gates=(gate,)), suite=suite)
    assert said not in lines(verdict(*findings, gates=(gate,))), "control: without tests there is no line about them"


def test_criteria_are_found_by_their_ids() -> None:
    known: dict[str, Criterion] = {criterion.id: criterion for criterion in visible().criteria}
    assert verdict_lines(verdict(passed=1), known) == ["A1: 1 of 2 visible cases pass"]
