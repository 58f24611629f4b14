"""The JSON schema of requirement files, made from the parser's own tables of keys, examples and limits.

The example of a key in a table determines the type of its values. This module adds only the rules that an example
cannot show: values of any type, and keys that need other keys. A schema cannot check everything. For example, it cannot
check that a file exists. `aura check` checks everything.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from verification.requirements import (
    base_keys,
    case_parser,
    criteria,
    frontmatter,
    generator_parser,
    property_parser,
    request_parser,
    routing_keys,
    suite_files,
    task_plan,
)
from verification.requirements.literals import TAG_EXAMPLES
from verification.requirements.problems import ProblemList
from verification.requirements.property_model import PROPERTY_TRIES_MAX
from verification.requirements.yaml_tree import Mapping as MappingNode
from verification.requirements.yaml_tree import Node, Scalar, Sequence, read_yaml

Schema = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
PARTS = ("front", "acceptance", "sealed")
"""The parts with a schema of their own: the front matter, one acceptance block, and NAME.sealed.yaml."""
_TEXT: Schema = {"type": "string"}
_WORD: Schema = {"type": "string", "pattern": f"^({routing_keys.WORD.pattern})$"}
_USD: Schema = {"type": "string", "pattern": f"^({routing_keys.USD.pattern})$"}
_VALUE: Schema = {"$ref": "#/$defs/value"}
_FILE_OR_TEXT: Schema = {"$ref": "#/$defs/text"}
_TEXTS: Schema = {"type": "object", "additionalProperties": _FILE_OR_TEXT}
_ANY_VALUE: Mapping[str, Schema] = {
    "returns": _VALUE,
    "json": _VALUE,
    "body": _VALUE,
    "send": _VALUE,
    "args": {"type": "array", "items": _VALUE},
    "kwargs": {"type": "object", "additionalProperties": _VALUE},
    "response_headers": {"type": "object", "additionalProperties": _VALUE},
    "headers": _TEXTS,
    "env": _TEXTS,
    "stdin": _FILE_OR_TEXT,
    "stdout": _FILE_OR_TEXT,
    "stderr": _FILE_OR_TEXT,
}
"""Schemas of the keys whose values may have another type than their example."""


def schema(part: str = "") -> Schema:
    """Return the schema of one part of PARTS. Without a part, return a schema that accepts each of the parts."""
    made: Schema = {"$schema": DIALECT, "title": "Requirement of Aura Orchestra", "$defs": _definitions()}
    if part:
        return {**made, "$ref": f"#/$defs/{part}"}
    return {**made, "anyOf": [{"$ref": f"#/$defs/{name}"} for name in PARTS]}


def _definitions() -> Schema:
    criterion = _criterion()
    return {
        "front": _front(),
        "acceptance": {"type": "array", "minItems": 1, "items": {**criterion, "required": ["id", "says"]}},
        "sealed": {"type": "array", "items": {**criterion, "required": ["id"]}},
        "case": {"anyOf": [_with_steps(), *(_action(name, alone=True) for name in _actions())]},
        "step": {"anyOf": [_action(name, alone=False) for name in _actions()]},
        "property": {"anyOf": [_property(name) for name in property_parser.KINDS]},
        "generator": _generator(),
        "value": _value(),
        "text": {"anyOf": [_TEXT, _object({"$file": TAG_EXAMPLES["$file"], "as": "text"}, required=["$file"])]},
    }


def _front() -> Schema:
    tokens = _whole(0, frontmatter.TOKENS_MAX)
    minutes, asks = _whole(0, frontmatter.MINUTES_MAX), {"enum": list(frontmatter.ON_BUDGET)}
    caps = {"usd": _USD, "tokens": tokens, "minutes": minutes, "task_usd_max": _USD, "on_budget": asks}
    budget = _object(frontmatter.BUDGET, caps, required=["usd", "tokens", "minutes"])
    limits = {name: _whole(low, high) for name, (low, high) in frontmatter.SUITE_CAPS.items()}
    limits["minutes"] = _number(0.1, frontmatter.SUITE_MINUTES_MAX)
    scope = {"type": "array", "minItems": 1, "maxItems": frontmatter.SCOPE_PATTERNS_MAX, "items": _TEXT}
    of_task = _object(task_plan.BUDGET_OF_A_TASK, {"usd": _USD, "tokens": tokens})
    keys = {"id": _id(), "scope": scope, "budget": of_task, **_routing()}
    task = _object(task_plan.EXAMPLES_OF_A_TASK, keys, required=["id", "criteria"])
    change = _object(base_keys.CHANGE, {"test": {"type": "string", "pattern": "::"}}, required=["test"])
    made = _object(
        frontmatter.EXAMPLES,
        {
            "aura": {"const": 1},
            "title": {"type": "string", "maxLength": frontmatter.TITLE_CHARS_MAX},
            "deliver": {"enum": list(frontmatter.DELIVERABLES)},
            "command": {"type": "string", "pattern": f"^({frontmatter.COMMAND.pattern})$"},
            "serve": _object(frontmatter.SERVE, required=["run", "ready"]),
            "language": {"const": "python"},
            "base": _object(base_keys.BASE, required=["repo"]),
            "base_suite": _object(base_keys.BASE_SUITE, {"run": {"enum": list(base_keys.SHARES)}}),
            "suite_limits": _object(frontmatter.SUITE_LIMITS, limits),
            "may_change": {"type": "array", "minItems": 1, "items": change},
            "proof": {"enum": list(base_keys.PROOF_PLACES)},
            "scope": scope,
            "budget": budget,
            "dependencies": {"anyOf": [{"const": "from-base"}, {"type": "array", "items": _TEXT}]},
            "review": {"enum": ["required", "none"]},
            **_routing(),
            "tasks": {"type": "array", "minItems": 1, "maxItems": task_plan.TASKS_MAX, "items": task},
        },
        required=["aura", "title", "deliver", "scope", "budget"],
    )
    return {
        **made,
        "dependentRequired": {key: ["base"] for key in base_keys.BASE_KEYS},
        "allOf": [
            _if_then({"deliver": {"const": "cli"}}, {"required": ["command"]}),
            _if_then({"deliver": {"const": "http"}}, {"required": ["serve"]}),
        ],
    }


def _criterion() -> Schema:
    over_base = _object(suite_files.CHANGE, required=["over_base"])
    return _object(
        criteria.EXAMPLES,
        {
            "id": _id(),
            "cases": {"type": ["array", "null"], "maxItems": criteria.CASES_MAX, "items": {"$ref": "#/$defs/case"}},
            "properties": {
                "type": "array",
                "minItems": 1,
                "maxItems": criteria.PROPERTIES_MAX,
                "items": {"$ref": "#/$defs/property"},
            },
            "pytest": {"anyOf": [_TEXT, over_base]},
        },
        required=[],
    )


def tables_of_actions() -> dict[str, Mapping[str, str]]:
    """Return the keys of each action, from the parser's tables."""
    tables: dict[str, Mapping[str, str]] = {**request_parser.KEYS}
    tables.update((action, keys) for action, keys in case_parser.KEYS.items())
    return tables


def _actions() -> tuple[str, ...]:
    return tuple(tables_of_actions())


def _limits() -> Mapping[str, Schema]:
    return {
        "within_s": _number(0.1, case_parser.WITHIN_S_MAX),
        "memory_mb": _whole(case_parser.MEMORY_MB_MIN, case_parser.MEMORY_MB_MAX),
    }


def _with_steps() -> Schema:
    steps: Schema = {
        "type": "array",
        "minItems": 1,
        "maxItems": case_parser.STEPS_MAX,
        "items": {"$ref": "#/$defs/step"},
    }
    return _object({"steps": "[]", **case_parser.CASE}, {"steps": steps, **_limits()}, required=["steps"])


def _action(name: str, *, alone: bool) -> Schema:
    """Return the schema of an action with its expectations. `alone`: as a whole case, not as a step of a case."""
    keys = tables_of_actions()[name]
    own: dict[str, Schema] = {
        **_ANY_VALUE,
        **_limits(),
        "run": {"type": "array", "minItems": 1, "items": _TEXT},
        "exit": _whole(0, 255),
        "status": _whole(100, 599),
        "parallel": _whole(1, request_parser.PARALLEL_MAX),
        "restart": {"const": True},
        "approx": _number(0, 1e12),
        "files": _object(
            case_parser.FILE_LISTS,
            {
                "before": _TEXTS,
                "after": {"type": "object", "additionalProperties": {"anyOf": [{"type": "null"}, _FILE_OR_TEXT]}},
            },
        ),
        "save": {"type": "object", "additionalProperties": _TEXT},
    }
    more = case_parser.CASE if alone else {"as": "name"} if name in ("call", "new") else {}
    return _object({**keys, **more}, own, required=[name])


def _property(name: Any) -> Schema:
    own: dict[str, Schema] = {
        "property": {"const": name},
        "inputs": {
            "type": "array",
            "minItems": 1,
            "maxItems": property_parser.INPUTS_MAX,
            "items": {"$ref": "#/$defs/generator"},
        },
        "tries": _whole(1, PROPERTY_TRIES_MAX),
        "within_s": _number(0.1, property_parser.WITHIN_S_MAX),
        "memory_mb": _whole(property_parser.MEMORY_MB_MIN, property_parser.MEMORY_MB_MAX),
        "approx": _number(0, 1e12),
        "by": {"type": ["string", "integer"]},
    }
    needed = [key for key in ("back", property_parser.GIVENS.get(name, "")) if key in property_parser.MORE[name]]
    keys = {**property_parser.ALL, **property_parser.MORE[name]}
    return _object(keys, own, required=["property", "call", "inputs", *needed])


def _generator() -> Schema:
    """Return the schema of a generator, which is a name, or a name with options."""
    names = [name for name in generator_parser.KINDS if name not in ("list", "dict", *generator_parser.WHOLE)]
    generator = {"$ref": "#/$defs/generator"}
    own: dict[str, Schema] = {"of": generator, "keys": generator, "values": generator}
    own |= {"min": {"type": ["number", "string"]}, "max": {"type": ["number", "string"]}}
    options: dict[str, Schema] = {
        name: _object(keys, own, required=[key for key in ("of", "keys", "values") if key in keys])
        for name, keys in generator_parser.OPTIONS.items()
    }
    parts = {"type": "array", "minItems": 1, "items": generator}
    options |= dict.fromkeys(generator_parser.WHOLE, parts)
    options["choice"] = {"type": "array", "minItems": 1, "items": _VALUE}
    options["record"] = {"type": "object", "minProperties": 1, "additionalProperties": generator}
    one = {"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": False}
    return {"anyOf": [{"enum": names}, {**one, "properties": options}]}


def _value() -> Schema:
    """Return the schema of any value. A mapping with a key that begins with `$` must be a tagged value."""
    tagged = [
        _object({tag: text, **({"as": "text"} if tag == "$file" else {})}, {tag: {}}, required=[tag])
        for tag, text in TAG_EXAMPLES.items()
    ]
    plain: Schema = {
        "type": "object",
        "patternProperties": {"^[^$]": _VALUE, "^$": _VALUE},
        "additionalProperties": False,
    }
    scalars: Schema = {"type": ["string", "number", "boolean", "null"]}
    return {"anyOf": [scalars, {"type": "array", "items": _VALUE}, plain, *tagged]}


def _id() -> Schema:
    return {"type": "string", "pattern": f"^({criteria.ID.pattern})$"}


def _routing() -> dict[str, Schema]:
    parts: dict[str, Schema] = dict.fromkeys(routing_keys.SKILL, _WORD)
    parts |= {name: {"enum": list(words)} for name, words in routing_keys.WORDS.items()}
    return {"skill": _object(routing_keys.SKILL, parts), "value_usd": _USD}


def _whole(low: float, high: float) -> Schema:
    return {"type": "integer", "minimum": low, "maximum": high}


def _number(low: float, high: float) -> Schema:
    return {"type": "number", "minimum": low, "maximum": high}


def _if_then(condition: Schema, then: Schema) -> Schema:
    return {"if": {"properties": condition, "required": list(condition)}, "then": then}


def _object(keys: Mapping[str, str], own: Mapping[str, Schema] | None = None, required: Iterable[str] = ()) -> Schema:
    """Return the schema of a mapping that allows only these keys. `own`: schemas to use instead of a key's example."""
    known = own or {}
    properties = {
        key: {**(known[key] if key in known else _shape(example)), "examples": [example]}
        for key, example in keys.items()
    }
    return {"type": "object", "additionalProperties": False, "properties": properties, "required": list(required)}


def _shape(example: str) -> Schema:
    """Return the schema of an example's type, as the parser reads the example."""
    node = read_yaml(example, 1, ProblemList("example"))
    return _shape_of(node) if node is not None else {}


def _shape_of(node: Node) -> Schema:
    if isinstance(node, Sequence):
        return {"type": "array", **({"items": _shape_of(node.items[0])} if node.items else {"items": _TEXT})}
    if isinstance(node, MappingNode):
        return {"type": "object"}
    assert isinstance(node, Scalar)
    if isinstance(node.value, bool):
        return {"type": "boolean"}
    return {"type": "number"} if isinstance(node.value, int | float) else _TEXT
