"""Required notes about a base are in the first line of every verdict, and in every approval, page and statement."""

import base64
import json
from typing import Any

import msgspec
from msgspec.structs import replace

from director.reports.remarks import line_of
from director.reports.verdict_html import verdict_page
from director.reports.verdict_text import verdict_text
from director.reports.verdict_view import VerdictView
from director.terminal.inbox_text import inbox_text
from director.terminal.text import next_step, released_text
from tests.unit.test_attestation import KEY, basis, envelope, payload
from tests.unit.test_attestation import requirement as plain
from tests.unit.test_attestation import verdict as without_base
from verification.requirements.model import Base, BaseSuitePolicy, MayChange, Requirement
from verification.verdict.attestation import SignedEnvelope, sign, statement_of, verify
from verification.verdict.base_notes import NONE, base_notes
from verification.verdict.model import GateResult, Verdict

SHORT = "3 of 4 test files ran, nothing new was proved"
LINES = (
    "nothing new was proved: the requirement says `refactor: true`",
    "base_suite is `partial`: nosuchmodule is not to be had",
    "t.py::old may change, replaced by t.py::new",
    "t.py::lost may change and is no longer guarded",
    "holds on the base already: A1",
)


def requirement() -> Requirement:
    asked = plain()
    (criterion,) = asked.criteria
    return replace(
        asked,
        base=Base(repo="../site"),
        refactor=True,
        base_suite=BaseSuitePolicy(run="partial", reason="nosuchmodule is not to be had"),
        may_change=(MayChange(test="t.py::old", replaced_by="t.py::new"), MayChange(test="t.py::lost")),
        criteria=(replace(criterion, holds_already=True),),
    )


def verdict(files: int = 4) -> Verdict:
    seen = without_base()
    evidence = {"files": files, "files_ran": 3}
    gate = GateResult(gate="base_suite", grade="B", result="passed", seconds=1.0, evidence=evidence)
    return replace(seen, gates=(*seen.gates, gate))


def view(of: Verdict, asked: Requirement) -> VerdictView:
    return VerdictView(verdict=of, requirement=asked, about="The folder x", again="aura judge")


def test_a_test_that_was_rewritten_under_its_old_name_is_not_said_to_replace_another() -> None:
    same = replace(requirement(), may_change=(MayChange(test="t.py::old", replaced_by="t.py::old"),))
    assert "t.py::old may change, replaced by its new version" in base_notes(verdict(), same).lines


def test_the_notes_are_those_of_the_requirement_and_the_gate() -> None:
    notes = base_notes(verdict(), requirement())
    assert (notes.short, notes.lines) == (SHORT, LINES)
    quiet = base_notes(verdict(files=3), replace(plain(), base=Base(repo="../site")))
    assert (quiet.short, quiet.lines, quiet.said) == ("", (), False), "control: all files ran, and no key is set"
    assert base_notes(without_base(), plain()) == NONE


def test_a_verdict_says_them_first() -> None:
    first, *more = verdict_text(view(verdict(), requirement())).splitlines()
    assert first.startswith(f"Verified, {SHORT}: tree ")
    assert more[: len(LINES)] == [f"- {line}" for line in LINES]
    assert line_of(view(verdict(), requirement())).startswith(f"Verified, {SHORT}: tree ")
    assert verdict_text(view(without_base(), plain())).startswith("Verified: tree "), "control"
    page = verdict_page(view(verdict(), requirement()))
    assert f'<p class="outcome passed">✓ Verified, {SHORT}</p>' in page
    assert all(line in page for line in LINES)
    assert '<p class="outcome passed">✓ Verified</p>' in verdict_page(view(without_base(), plain())), "control"


def test_a_statement_says_them_and_a_former_one_says_nothing() -> None:
    opened = envelope(statement_of(verdict(), requirement(), basis()))
    said: dict[str, Any] = payload(opened)["predicate"]["auraBase"]
    assert (said["files"], said["filesRan"], said["refactor"], said["holdsAlready"]) == (4, 3, True, ["A1"])
    assert said["baseSuite"] == {"run": "partial", "reason": "nosuchmodule is not to be had"}
    assert said["mayChange"] == [{"test": "t.py::old", "replacedBy": "t.py::new"}, {"test": "t.py::lost"}]
    signed = sign(statement_of(verdict(), requirement(), basis()), KEY)
    assert verify(signed, KEY.public_key()).base() == base_notes(verdict(), requirement())
    assert "auraBase" not in payload(envelope())["predicate"], "nothing to say, nothing said"
    former = msgspec.json.decode(sign(statement_of(without_base(), plain(), basis()), KEY), type=SignedEnvelope)
    assert "auraBase" not in json.loads(base64.b64decode(former.payload))["predicate"]
    assert verify(msgspec.json.encode(former), KEY.public_key()).base() == NONE


def test_every_approval_says_them() -> None:
    line = {
        "run": "0190aaaa-bbbb-7ccc",
        "title": "Shop",
        "commit_id": "f" * 40,
        "folder": "deliveries/shop",
        "branch": "aura/shop",
        "release_ref": "aura/1",
        "phase": "delivered",
        "outcome": None,
        "base_short": SHORT,
        "base_notes": list(LINES),
        "left_out": ["extra.txt"],
    }
    assert "extra.txt" in inbox_text([line])
    quiet = line | {"base_short": "", "base_notes": [], "left_out": []}
    for text in (inbox_text([line]), next_step(line), released_text(line)):
        assert SHORT in text
        assert all(note in text for note in LINES)
    assert SHORT in next_step(line).splitlines()[0]
    assert SHORT in released_text(line).splitlines()[0]
    assert "git fetch" in released_text(line).splitlines()[-1]
    assert "git fetch" not in released_text(line | {"branch": "main"}), "control: a delivery of its own"
    for text in (inbox_text([quiet]), next_step(quiet), released_text(quiet)):
        assert "ran" not in text.replace("branch", ""), "control"
