"""The result of a review: a decision to pass or to block the work, and findings. It is evidence of grade A.

This module checks the form of a review. No program can prove that the reviewer is right.
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
    """One remark of the reviewer."""

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
    """Return the verdict on a review. The tree's file PATH contains the review's text.

    `reviewer` and `authors`: the makers of the models of the reviewer and of the authors. Every valid review is
    verified. The result of its gate says whether the review blocks the work.
    """
    review, fault = _read(tree.get(PATH, b""), changed)
    if fault is None and reviewer in authors:
        fault = f"the reviewer's model and an author's model have the same maker, {reviewer}"
    findings = () if fault is None else (Finding(kind="not_accepted", path=PATH, detail=fault, for_author=fault),)
    blocks = review is not None and review.verdict == "block"
    text = "; ".join(remark.text for remark in review.findings if remark.severity == "high") if review else ""
    evidence: dict[str, Any] = {"reviewer": reviewer, "authors": sorted(authors)}
    gate = GateResult(
        gate=REVIEW,
        grade="A",
        result="noted" if fault else "failed" if blocks else "passed",
        seconds=0.0,
        text=(fault or text or "no severe finding")[:TEXT_CHARS_MAX],
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


def blocked_paths(content: bytes, changed: Collection[str]) -> frozenset[str] | None:
    """Return the paths that a valid review names in severe findings if it blocks; no paths if it passes the work.

    Return None if the review is not valid.
    """
    review, fault = _read(content, changed)
    if review is None or fault is not None:
        return None
    if review.verdict == "pass":
        return frozenset()
    return frozenset(remark.path or "" for remark in review.findings if remark.severity == "high")


def _read(content: bytes, changed: Collection[str]) -> tuple[Review | None, str | None]:
    """Return the review and its fault. The review is None if it cannot be read; the fault is None if there is none."""
    if len(content) > REVIEW_BYTES_MAX:
        return None, f"{PATH} is longer than {REVIEW_BYTES_MAX} bytes"
    try:
        review = _review.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return None, f"{PATH} does not have the form {FORM}: {error}"
    if len(review.findings) > FINDINGS_MAX:
        return review, f"{PATH} has more than {FINDINGS_MAX} findings"
    if review.verdict == "block" and not any(remark.severity == "high" for remark in review.findings):
        return review, "a review that blocks must have at least one finding of high severity"
    unknown = [remark.path for remark in review.findings if remark.path is not None and remark.path not in changed]
    if unknown:
        return review, f"the review names {unknown[0][:100]}, which is not a changed path"
    return review, None
