"""A verdict as SARIF 2.1.0, a format of analysis results. Code hosts show such results next to the lines of code."""

import hashlib
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

import msgspec

from director.reports.places import Places
from director.reports.remarks import Remark, line_of, remarks_of
from director.reports.verdict_view import VerdictView

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
SOURCES = "%SRCROOT%"
"""The base of relative paths, by its common name in SARIF."""


def sarif_json(view: VerdictView, places: Places) -> str:
    """Return the SARIF log: each finding is an error, and the note of a gate is a note."""
    verdict, remarks = view.verdict, remarks_of(view, places)
    rules = {remark.rule: remark.level for remark in remarks}
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "Aura Orchestra",
                "version": version("aura-orchestra"),
                "rules": [_rule(name, level) for name, level in rules.items()],
            }
        },
        "invocations": [{"executionSuccessful": True, "exitCode": 0 if verdict.verified else 1}],
        "originalUriBaseIds": {SOURCES: {"description": {"text": "The folder in which the command was run."}}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(remark, list(rules)) for remark in remarks],
        "properties": {"verified": verdict.verified, "tree": verdict.tree, "verdict": line_of(view)},
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return msgspec.json.format(msgspec.json.encode(log), indent=2).decode()


def _rule(name: str, level: str) -> dict[str, Any]:
    words = name.replace("_", " ")
    return {
        "id": name,
        "shortDescription": {"text": words},
        "defaultConfiguration": {"level": level},
    }


def _result(remark: Remark, rules: list[str]) -> dict[str, Any]:
    """Return one result. It always has a file and a line, because code hosts refuse results without a file."""
    place: dict[str, Any] = {"artifactLocation": {"uri": quote(remark.file), "uriBaseId": SOURCES}}
    place["region"] = {"startLine": remark.line or 1}
    same = "\0".join((remark.rule, remark.criterion or "", remark.file, remark.text))
    return {
        "ruleId": remark.rule,
        "ruleIndex": rules.index(remark.rule),
        "level": remark.level,
        "message": {"text": f"{remark.title}: {remark.text}" if remark.text else remark.title},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"auraRemark/v1": hashlib.sha256(same.encode()).hexdigest()},
    }
