"""A limit that was not held is named in each text about a verdict: the verdict, the run, the inbox and the release."""

from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from director.reports.verdict_text import recorded_text
from director.reports.verdict_view import VerdictView
from director.terminal.degraded_text import degraded_text
from director.terminal.inbox_text import inbox_text
from director.terminal.text import next_step, released_text
from tests.unit.test_attestation import requirement, verdict

SAID = degraded_text(["tree memory"], {"9ff957463978ea33": "my laptop"})
LINE: dict[str, Any] = {
    "run": UUID(int=1),
    "title": "Adders",
    "phase": "delivered",
    "outcome": None,
    "folder": "/d",
    "branch": "main",
    "commit_id": "1f61d8e024e1",
    "release_ref": "refs/tags/r",
    "base_short": "",
    "base_notes": [],
    "left_out": [],
}


def test_the_sentence_names_the_limits_and_the_machines() -> None:
    assert SAID == (
        "Degraded: the sandbox did not hold tree memory. This was accepted for machine 9ff957463978ea33 (my laptop)."
    )
    assert degraded_text(["a", "b"], {"m": "", "n": ""}).endswith(
        "hold a, b. This was accepted for machine m and machine n."
    )
    assert degraded_text(["a"], {}).endswith("This was accepted with --allow-degraded or AURA_ALLOW_DEGRADED.")
    assert degraded_text([], {"m": "r"}) == "", "the control"


@pytest.mark.parametrize("degraded", [SAID, ""])
def test_each_text_says_it_once_and_only_then(degraded: str) -> None:
    ended = {"phase": "ended", "outcome": "delivered"}
    made = replace(verdict(), not_held=("tree memory",) if degraded else ())
    line = LINE | {"degraded": degraded}
    texts = [
        inbox_text([line]),
        next_step(line),
        next_step(line | ended),
        released_text(line | ended),
        recorded_text(VerdictView(verdict=made, requirement=requirement(), about="", again="", degraded=degraded)),
    ]
    assert [text.count(SAID) for text in texts] == [bool(degraded)] * len(texts)
    assert ["Degraded" in text for text in texts] == [bool(degraded)] * len(texts)
