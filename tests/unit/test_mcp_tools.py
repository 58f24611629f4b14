"""The tools of the MCP server: their schemas, their rights, their errors, and the table in docs/mcp.md."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no type information

from director.mcp import arguments, texts
from director.mcp.errors import checked_text, error_data, error_result, protocol_error
from director.mcp.places import Places
from director.mcp.registry import BY_NAME, TOOLS, tools_table
from director.mcp.server import asked_of, described
from domain.errors import AuraError, Invalid, NotFound, Refused, TooMany
from domain.user import USER_ROLES, UserState
from governance.user_rights import SCOPE_MATRIX, TOKEN_SCOPES, USER_MATRIX
from verification.requirements.parser import parse_requirement

PAGE = Path(__file__).parents[2] / "docs" / "mcp.md"
EVENTS: dict[str, set[str]] = {
    "judge": {"run.submitted", "run.secrets_consented"},
    "submit": {"run.submitted", "run.secrets_consented"},
    "comment": {"run.commented"},
    "return_delivery": {"run.returned", "run.commented"},
    "approve": {"run.approved"},
    "reject": {"run.ended"},
    "cancel": {"run.ended"},
    "pause": {"organisation.paused"},
    "halt": {"organisation.halted"},
}
"""Tool that acts -> the events that its command may cause."""


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_each_tool_has_schemas_that_clients_can_use(tool: Any) -> None:
    shown = described(tool)
    for schema in (shown.input_schema, shown.output_schema):
        assert schema is not None
        Draft202012Validator.check_schema(schema)
        assert schema["type"] == "object"
        for reference in references(schema):
            assert reference in schema["$defs"]
    assert shown.input_schema["additionalProperties"] is False
    assert all("description" in each for each in shown.input_schema["properties"].values())
    assert shown.description
    assert len(shown.description) < 120
    hints = shown.annotations
    assert hints is not None
    assert hints.read_only_hint is (tool.name not in EVENTS)
    assert not (hints.read_only_hint and hints.destructive_hint)


def references(value: Any) -> set[str]:
    """Return the names of the definitions to which a schema refers."""
    if isinstance(value, dict):
        own = {value["$ref"].removeprefix("#/$defs/")} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(references(each) for each in value.values()))
    if isinstance(value, list):
        return set().union(*(references(each) for each in value))
    return set()


def test_the_tools_of_a_role_and_a_scope_are_those_of_the_matrix() -> None:
    permitted = denied = 0
    for role, scope in itertools.product(USER_ROLES, (*TOKEN_SCOPES, None)):
        state = UserState(name=role, roles=(role,))
        for tool in TOOLS:
            events = EVENTS.get(tool.name)
            allowed = scope in ("read", None) if events is None else events <= USER_MATRIX[role]
            allowed = allowed and (events is None or scope is None or events <= SCOPE_MATRIX[scope])
            if tool.name in ("reject", "cancel"):
                allowed = allowed and role in ("director", "approver" if tool.name == "reject" else "operator")
            assert tool.may_call(state, None if scope is None else (scope,)) is allowed, (role, scope, tool.name)
            permitted, denied = permitted + allowed, denied + (not allowed)
    assert (permitted > 150, denied > 300) == (True, True), (permitted, denied)


def test_the_page_has_the_table_of_tools() -> None:
    assert tools_table() in PAGE.read_text(encoding="utf-8"), "write the new table into docs/mcp.md"


def test_an_error_has_its_code_its_hint_and_the_places_of_problems() -> None:
    refused = error_result(Refused("It is too late.", hint="Begin anew.", code="late"))
    assert refused.is_error
    (content,) = refused.content
    assert json.loads(content.text) == {  # type: ignore[union-attr]  # the only kind of content that it has
        "error": {"kind": "refused", "code": "late", "message": "It is too late.", "hint": "Begin anew."}
    }
    with pytest.raises(Invalid) as problems:
        parse_requirement(b"---\naura: 1\n---\n", None, name="x", folder=None)
    assert error_data(problems.value)["problems"][0]["line"] > 0
    assert protocol_error(NotFound("no")).code != protocol_error(AuraError("defect")).code


@pytest.mark.parametrize(
    ("tool", "given"),
    [
        ("status", {"x": 1}),
        ("runs", {"limit": 0}),
        ("runs", {"limit": 201}),
        ("runs", {"limit": "5"}),
        ("runs", {"after": -1}),
        ("wait", {}),
        ("wait", {"run": "", "seconds": 5}),
        ("wait", {"run": "last", "seconds": 601}),
        ("halt", {"reason": ""}),
        ("halt", {"reason": "x" * 4001}),
        ("approve", {"run": "last"}),
        ("approve", {"run": "last", "commit": "abc"}),
        ("judge", {"files": {"a.py": 1}}),
        ("judge", {"files": {f"{number}.py": "" for number in range(201)}}),
        ("submit", {"requirement": "a\0b"}),
        ("submit", {"requirement": "\ud800"}),
        ("judge", {"files": {"\ud800": ""}}),
    ],
)
def test_arguments_that_do_not_fit_are_refused(tool: str, given: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        asked_of(BY_NAME[tool], given)


def test_arguments_that_fit_are_taken() -> None:
    """The control."""
    assert asked_of(BY_NAME["runs"], {"limit": 200}) == arguments.Page(limit=200)
    assert asked_of(BY_NAME["halt"], {"reason": "x" * 4000}) == arguments.OrganisationReason(reason="x" * 4000)
    assert asked_of(BY_NAME["judge"], {"files": {"a.py": "ü"}}) == arguments.Judging(files={"a.py": "ü"})


def test_deep_arguments_are_refused() -> None:
    deep: Any = "x"
    for _ in range(8):
        deep = [deep]
    checked_text(deep)
    with pytest.raises(Invalid, match="deeper"):
        checked_text([deep])


def test_prompts_contain_their_argument_and_the_template() -> None:
    written = texts.prompt("write_requirement", {"idea": "count words"})
    assert "count words" in written
    assert "```yaml acceptance" in written
    assert "`verdict`" in texts.prompt("explain_rejected_run", {"run": "last"})
    for name, given in (("write_requirement", {}), ("write_requirement", {"idea": "x", "more": "y"})):
        with pytest.raises(Invalid):
            texts.prompt(name, given)
    with pytest.raises(NotFound):
        texts.prompt("other", {"idea": "x"})


def test_places_are_counted_and_given_back() -> None:
    places = Places(1, "wait")
    with places.one(), pytest.raises(TooMany, match="1 calls that wait"), places.one():
        pass
    with places.one():
        pass
