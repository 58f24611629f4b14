"""A verdict on screens: as a table, and as one self-contained page that shows foreign text only as text."""

import re
from html.parser import HTMLParser

import pytest

from director.reports.verdict_html import EVIDENCE_CHARS_MAX, verdict_page
from director.reports.verdict_text import gates_table, verdict_text
from director.reports.verdict_view import VerdictView
from director.terminal.escape import visible
from domain.tree import hex_of
from tests.unit.test_attestation import requirement, verdict
from verification.verdict.model import Finding, GateResult, Verdict

SCRIPT = "</pre><script>alert(1)</script><img src=x onerror=alert(1)>"
BIDI = "abc\u202edcba\u2066\u200f\x1b[2J\x00"
MARKS = ("\u202e", "\u2066", "\u200f", "\x1b", "\x00")
ATTRIBUTES = {"lang", "dir", "charset", "name", "content", "http-equiv", "class", "scope"}
FORGED = "no\nVerified: tree 0000000000000000, grade C"


class Seen(HTMLParser):
    """The content of a page as a browser would find it: tags in order, attributes, and text by its tag."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"{tag} closes nothing"

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text.append(data)

    @property
    def whole(self) -> str:
        return "".join(self.text)


def hostile() -> Verdict:
    found = verdict(verified=False)
    return Verdict(
        verified=False,
        tree=found.tree,
        grade="C",
        criteria=found.criteria,
        findings=(
            Finding(kind="outside_scope", path=f"x{SCRIPT}.py", detail=f"{SCRIPT} & {BIDI}", for_author=SCRIPT),
            Finding(kind="sealed_failed", criterion="A1", detail=FORGED),
        ),
        seed=7,
        sandbox=SCRIPT,
        not_held=(BIDI,),
        wall_s=1.0,
        gates=(GateResult(gate="cases", grade="C", result="failed", seconds=1, text=SCRIPT, evidence={SCRIPT: BIDI}),),
    )


def view(given: Verdict, text: str = SCRIPT) -> VerdictView:
    return VerdictView(verdict=given, requirement=requirement(), about=f"folder {text}", again=f"aura judge {text}")


def test_no_text_of_a_stranger_becomes_a_tag_or_moves_others() -> None:
    page = verdict_page(view(hostile()))
    seen = Seen(page)
    assert seen.open == []
    assert not {"script", "img", "link", "iframe", "a", "form", "object"} & set(seen.tags)
    assert {name for name, _ in seen.attributes} <= ATTRIBUTES
    assert SCRIPT in seen.whole, "it is there, as text"
    assert "<U+202E>" in seen.whole
    for mark in MARKS:
        assert mark not in page
    assert any(mark in BIDI for mark in MARKS), "control"
    plain = set(Seen(verdict_page(view(verdict(verified=False)))).tags)
    assert set(seen.tags) == plain | {"details", "summary"}, "control: the same, with its evidence"


def test_the_page_needs_nothing_from_elsewhere() -> None:
    page = verdict_page(view(verdict(), "plain"))
    seen = Seen(page)
    assert ("name", "viewport") in seen.attributes
    assert "prefers-color-scheme: dark" in page
    assert not re.search(r"https?:|url\(|@import|src=|href=|style=", page)
    (policy,) = [content for name, content in seen.attributes if name == "content" and content and "default" in content]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")


def test_the_page_says_all_that_the_verdict_does() -> None:
    shown = verdict(noted=True)
    seen = Seen(verdict_page(view(shown))).whole
    for told in (shown.tree, shown.image, "seed7", "bubblewrap 0.11.0", "tree memory", "it makes slugs", "! noted"):
        assert told in seen.replace("\n", ""), told
    assert "Verified" in seen
    assert "Rejected" in Seen(verdict_page(view(verdict(verified=False)))).whole
    assert "expected sealed-input-81c2" in Seen(verdict_page(view(verdict(verified=False)))).whole


def test_evidence_is_bounded() -> None:
    long = GateResult(gate="cases", grade="C", result="passed", seconds=1, evidence={"x": "y" * 3 * EVIDENCE_CHARS_MAX})
    shown = verdict()
    whole = Verdict(**{name: getattr(shown, name) for name in shown.__struct_fields__} | {"gates": (long,)})
    page = verdict_page(view(whole))
    assert len(page) < 2 * EVIDENCE_CHARS_MAX
    assert "cut here" in page
    assert "cut here" not in verdict_page(view(verdict()))


def test_the_table_has_a_line_for_each_gate() -> None:
    lines = gates_table(verdict(noted=True)).splitlines()
    assert lines[0].split() == ["gate", "grade", "result", "seconds", "text"]
    assert lines[1].split() == ["form", "C", "passed", "0.10"]
    assert lines[3].split()[:3] == ["own_tests", "A", "noted"]


def test_the_terminal_is_neither_coloured_nor_fooled() -> None:
    text = verdict_text(view(hostile()))
    for mark in MARKS:
        assert mark not in text
    assert [line for line in text.splitlines() if line.startswith("Verified")] == []
    assert [line for line in text.splitlines() if line.startswith("Rejected")] == [
        f"Rejected, 2 reasons: tree {hex_of(verdict().tree)[:16]}, grade C, {SCRIPT}, seed 7, 1.0 s"
    ]


@pytest.mark.parametrize("text", ["plain", "ümläut 漢字", "two\nlines\tand a tab", "😀"])
def test_what_is_plain_stays_as_it_is(text: str) -> None:
    assert visible(text) == text
