"""The hand-in of a reviewer: a word that lets the work pass or blocks it, and findings. It is evidence of grade A.

Whether the review was made as it must be is judged here; whether the reviewer is right nobody can prove by running.
"""

from collections.abc import Collection, Mapping
from typing import Any, Literal

import msgspec

from domain.judgement import REVIEW
from domain.review import PATH
from domain.tree import manifest_of, tree_digest
from verification.verdict.model import Finding, GateResult, Verdict

FINDINGS_MAX = 50
TEXT_CHARS_MAX = 500
REVIEW_BYTES_MAX = 64 * 1024
FORM = (
    '{"verdict": "pass" or "block", "findings": [{"criterion": "A1" or null, "path": "file.py" or null, '
    '"line": 1 or null, "severity": "high" or "low", "text": "what is wrong, and how to see it"}]}'
)


class Remark(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that the reviewer found."""

    text: str
    severity: Literal["high", "low"] = "low"
    criterion: str | None = None
    path: str | None = None
    line: int | None = None


class Review(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    verdict: Literal["pass", "block"]
    findings: tuple[Remark, ...] = ()


_review = msgspec.json.Decoder(Review)


def judge_review(
    tree: Mapping[str, bytes], *, seed: int, reviewer: str, authors: Collection[str], changed: Collection[str]
) -> Verdict:
    """The verdict on a review, whose text is the tree's file PATH. `reviewer`, `authors`: makers of their models.

    A review that is sound verifies, whatever it says; that it blocks stands in its gate.
    """
    review, fault = _read(tree.get(PATH, b""), changed)
    if fault is None and reviewer in authors:
        fault = f"the reviewer's model and an author's are of one maker, {reviewer}"
    findings = () if fault is None else (Finding(kind="not_accepted", path=PATH, detail=fault, for_author=fault),)
    blocks = review is not None and review.verdict == "block"
    text = "; ".join(remark.text for remark in review.findings if remark.severity == "high") if review else ""
    evidence: dict[str, Any] = {"reviewer": reviewer, "authors": sorted(authors)}
    gate = GateResult(
        gate=REVIEW,
        grade="A",
        result="noted" if fault else "failed" if blocks else "passed",
        seconds=0.0,
        text=(fault or text or "nothing of weight")[:TEXT_CHARS_MAX],
        evidence=evidence | ({"review": msgspec.to_builtins(review)} if review else {}),
    )
    return Verdict(
        verified=fault is None,
        tree=tree_digest(manifest_of(tree)),
        grade="A",
        criteria=(),
        findings=findings,
        seed=seed,
        sandbox="",
        not_held=(),
        wall_s=0.0,
        gates=(gate,),
    )


def _read(content: bytes, changed: Collection[str]) -> tuple[Review | None, str | None]:
    """The review, and what is wrong with it."""
    if len(content) > REVIEW_BYTES_MAX:
        return None, f"{PATH} is longer than {REVIEW_BYTES_MAX} bytes"
    try:
        review = _review.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return None, f"{PATH} is not of the form {FORM}: {error}"
    if len(review.findings) > FINDINGS_MAX:
        return review, f"{PATH} has more than {FINDINGS_MAX} findings"
    if review.verdict == "block" and not any(remark.severity == "high" for remark in review.findings):
        return review, "a review that blocks names at least one finding of high severity"
    unknown = [remark.path for remark in review.findings if remark.path is not None and remark.path not in changed]
    if unknown:
        return review, f"the review names {unknown[0][:100]}, which is not among what was changed"
    return review, None
