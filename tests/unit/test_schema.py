"""The JSON schema of requirement files: made from the parser's tables, it accepts the same files as the parser."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # its stubs are a package of their own
from ruamel.yaml import YAML

from verification.requirements import criteria, frontmatter
from verification.requirements.document import split
from verification.requirements.problems import ProblemList
from verification.requirements.schema import PARTS, schema, tables_of_actions
from verification.requirements.starting_points import STARTING_POINTS, example, starting_point
from verification.requirements.template import sealed_template, template

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "docs" / "requirement.schema.json"
BROKEN = ROOT / "tests" / "acceptance" / "broken"
REQUIREMENTS = sorted(
    path
    for folder in ("examples", "bench")
    for path in (ROOT / folder).rglob("*.md")
    if path.with_suffix(".sealed.yaml").exists()
)
SEEN_BY_A_SCHEMA = (
    "args-text",
    "budget-minutes-text",
    "budget-missing",
    "budget-tokens-negative",
    "budget-usd-negative",
    "budget-usd-number",
    "budget-without-tokens",
    "cli-without-command",
    "command-form",
    "criteria-mapping",
    "criterion-id-form",
    "criterion-id-number",
    "criterion-without-says",
    "deliver-unknown",
    "language",
    "may-change-without-base",
    "missing-title",
    "property-tries",
    "property-unknown",
    "property-without-inputs",
    "proof-unknown",
    "proof-without-base",
    "refactor-text",
    "refactor-without-base",
    "request-status",
    "restart-false",
    "review",
    "scope-text",
    "serve-without-ready",
    "skill-text",
    "skill-unknown-part",
    "skill-unknown-word",
    "stdout-number",
    "tag-unknown",
    "unknown-key",
    "unknown-key-in-case",
    "value-usd-number",
    "version-2",
    "version-text",
    "within-too-long",
)
"""Files of tests/acceptance/broken with a mistake of form. A schema cannot detect the mistakes of the other files."""
_validators = {part: Draft202012Validator(schema(part)) for part in PARTS}


def faults(part: str, value: Any) -> list[str]:
    return [
        f"{'/'.join(map(str, error.path))}: {error.message[:200]}" for error in _validators[part].iter_errors(value)
    ]


def loaded(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def faults_of(visible: str, sealed: str | None = None) -> list[str]:
    """Return all faults that the schema finds in a requirement."""
    document = split(visible, ProblemList("x.md"))
    assert document is not None
    assert document.front is not None
    found = faults("front", loaded(document.front.text))
    for block in document.acceptance:
        found += faults("acceptance", loaded(block.text))
    return found + (faults("sealed", loaded(sealed)) if sealed else [])


def test_the_schema_is_one() -> None:
    for part in ("", *PARTS):
        Draft202012Validator.check_schema(schema(part))
    with pytest.raises(KeyError):
        schema("front")["$defs"]["none"]


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.stem)
def test_every_requirement_of_the_project_fits(path: Path) -> None:
    sealed = path.with_suffix(".sealed.yaml").read_text()
    assert faults_of(path.read_text(), sealed) == []


@pytest.mark.parametrize("kind", STARTING_POINTS)
def test_what_init_writes_fits(kind: str) -> None:
    written = starting_point(kind, "my-tool", None)
    assert faults_of(written.visible, written.sealed) == []
    for deliver in ("library", "cli"):
        assert faults_of(template("my-tool", deliver=deliver), sealed_template("my-tool", deliver=deliver)) == []
    assert faults_of(example().visible, example().sealed) == []


@pytest.mark.parametrize("name", SEEN_BY_A_SCHEMA)
def test_control_a_mistake_of_form_does_not_fit(name: str) -> None:
    sealed = BROKEN / f"{name}.sealed.yaml"
    assert faults_of((BROKEN / f"{name}.md").read_text(), sealed.read_text() if sealed.exists() else None)


def test_it_has_exactly_the_keys_that_the_parser_knows() -> None:
    parts = schema()["$defs"]
    assert set(parts["front"]["properties"]) == set(frontmatter.EXAMPLES)
    assert set(parts["acceptance"]["items"]["properties"]) == set(criteria.EXAMPLES)
    keys = tables_of_actions()
    steps = {one["required"][0]: set(one["properties"]) for one in parts["step"]["anyOf"]}
    assert steps.keys() == keys.keys()
    for action, found in steps.items():
        assert found - {"as"} == set(keys[action])


def test_it_is_kept_for_editors_as_it_is_made() -> None:
    assert json.loads(KEPT.read_text()) == schema(), "write it anew: aura schema > docs/requirement.schema.json"
