"""Parsers of the front matter's keys about a `base`: its commit, its own tests, and its tests that may change."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from verification.requirements.fields import Fields
from verification.requirements.model import Base, BaseSuitePolicy, BaseTestChange, MayChange, ProofPlace, Share
from verification.requirements.problems import ProblemList
from verification.requirements.yaml_tree import Mapping, Node, kind

BASE_KEYS = ("base_suite", "may_change", "refactor", "proof")
"""Keys that need a `base`."""
CHANGE = {"test": '"tests/test_it.py::test_old"', "replaced_by": '"tests/test_it.py::test_new"'}
SHARES: dict[str, Share] = {"whole": "whole", "partial": "partial", "none": "none"}
PROOF_PLACES: dict[str, ProofPlace] = {"notes": "notes", "folder": "folder", "branch": "branch"}
BASE_SUITE = {"run": "partial", "reason": "the tests below tests/server need a database"}
BASE = {"repo": "../site", "ref": "main"}
_REASON_CHARS_MAX = 500
_REF = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+-]{0,199}", re.ASCII)


class ReadChange(NamedTuple):
    """One parsed entry of `may_change`. `at` is the YAML node of its replacement."""

    change: MayChange
    at: Node


def read_base_key(fields: Fields) -> Base | None:
    """Return the base, the commit to start from."""
    node = fields.mapping("base")
    if node is None:
        return None
    inner = Fields(node, fields.report, BASE, "`base`")
    repo, ref = inner.text("repo", required=True), inner.text("ref") or "main"
    if repo is not None and ("://" in repo or repo.startswith("git@") or "\0" in repo):
        fields.report.add(
            inner.get("repo") or node,
            "`repo` must be a path on this machine, not a URL",
            "repo: ../site, the path of a clone",
        )
        return None
    if not _REF.fullmatch(ref) or ".." in ref:
        fields.report.add(inner.get("ref") or node, f"`{ref[:60]}` is not a branch, tag or commit", "ref: main")
        return None
    return Base(repo=repo, ref=ref) if repo is not None else None


def read_base_suite(fields: Fields) -> BaseSuitePolicy:
    """Return the share of the base's tests that must run. Report a share below `whole` that has no reason."""
    node = fields.mapping("base_suite")
    if node is None:
        return BaseSuitePolicy()
    report = fields.report
    _needs_base(fields, "base_suite")
    inner = Fields(node, report, BASE_SUITE, "`base_suite`")
    written, reason = inner.text("run") or "whole", inner.text("reason") or ""
    if written not in SHARES:
        message = f"`run` must be `whole`, `partial` or `none`, not `{written[:60]}`"
        report.add(inner.get("run") or node, message, inner.line("run"))
    run = SHARES.get(written, "whole")
    if run != "whole" and not reason and not inner.has("reason"):
        report.add(node, f"`run: {run}` needs a reason, which every verdict shows", inner.line("reason"))
    if len(reason) > _REASON_CHARS_MAX or not reason.isprintable():
        message = f"`reason` must be one line of at most {_REASON_CHARS_MAX} characters"
        report.add(inner.get("reason") or node, message, inner.line("reason"))
    return BaseSuitePolicy(run=run, reason=reason)


def read_may_change(fields: Fields) -> tuple[ReadChange, ...]:
    """Return the tests of the base that may fail from now on."""
    changes: list[ReadChange] = []
    for item in fields.items("may_change") or ():
        if not isinstance(item, Mapping):
            fields.report.add(
                item, f"an entry of `may_change` must be a mapping, not {kind(item)}", fields.line("may_change")
            )
            continue
        inner = Fields(item, fields.report, CHANGE, "`may_change`")
        test, replaced_by = inner.text("test", required=True), inner.text("replaced_by")
        for name, value in (("test", test), ("replaced_by", replaced_by)):
            if value is not None and "::" not in value:
                fields.report.add(inner.get(name) or item, f"`{value[:60]}` is not the id of a test", inner.line(name))
        if test is not None and any(each.change.test == test for each in changes):
            fields.report.add(
                inner.get("test") or item, f"`{test[:60]}` occurs twice in `may_change`", "this test only once"
            )
        if test is not None:
            change = MayChange(test=test, replaced_by=replaced_by)
            changes.append(ReadChange(change, inner.get("replaced_by") or item))
    _needs_base(fields, "may_change")
    return tuple(changes)


def check_replacements(
    read: Iterable[ReadChange], changes: Iterable[BaseTestChange | None], report: ProblemList
) -> None:
    """Report a replacement that no criterion names in `must_pass`.

    Without that name, no check proves that the replacement fails on the base and passes on the tree.
    """
    named = {test for change in changes if change is not None for test in change.must_pass}
    for each in read:
        replacement = each.change.replaced_by
        if replacement is not None and replacement not in named:
            message = f"no criterion names `{replacement[:60]}` in `must_pass`, so nothing would check it"
            report.add(each.at, message, "this test also in `must_pass` of a criterion, or remove `replaced_by`")


def read_proof(fields: Fields) -> ProofPlace:
    """Return where to store the proof of a delivery on a base."""
    node = fields.get("proof")
    if node is None:
        return "notes"
    _needs_base(fields, "proof")
    written = fields.text("proof") or "notes"
    if written not in PROOF_PLACES:
        message = f"`proof` must be `notes`, `folder` or `branch`, not `{written[:60]}`"
        fields.report.add(node, message, fields.line("proof"))
    return PROOF_PLACES.get(written, "notes")


def read_refactor(fields: Fields) -> bool:
    """Return whether every criterion already holds on the base, so that the run proves nothing new."""
    _needs_base(fields, "refactor")
    return fields.flag("refactor")


def _needs_base(fields: Fields, name: str) -> None:
    """Report a key about a base if the requirement has no base."""
    assert name in BASE_KEYS, name
    node = fields.get(name)
    if node is not None and not fields.has("base"):
        fields.report.add(node, f"`{name}` needs a `base`, and the requirement has none", fields.line("base"))
