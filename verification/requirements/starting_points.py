"""Templates of requirements: for common kinds of work (`aura init --from KIND`), and an example that needs no change.

Each part that a person must replace contains a phrase of PLACEHOLDERS. `aura check` reports each remaining phrase.
"""

import json
from collections.abc import Callable, Mapping
from typing import NamedTuple

from verification.requirements.model import Base
from verification.requirements.template import (
    FENCE,
    NAME_FUNCTIONS,
    REPLACE_BASE,
    REPLACE_CASE,
    SAY_HOLDS,
    SAY_WHAT_FOR,
    module_of,
    title_of_name,
)

SAY_WRONG = "Say here what goes wrong, for which input, and what should happen instead."
SAY_NEW = "Say here what is new, for whom, and what must stay as it is."
SAY_SERVICE = "Say here what the service is for, which paths it has, and what each of them answers."
BUDGET = 'budget: {usd: "1.00", tokens: 100000, minutes: 20}  # 0 means stop, never "no limit"\n'
NO_BASE = Base(repo="../site", ref="main")
"""The base in a template, until a person names the repository to change."""


class Written(NamedTuple):
    """A requirement and its sealed cases, as text."""

    visible: str
    sealed: str


def starting_point(kind: str, name: str, base: Base | None) -> Written:
    """Return a template of this kind for NAME.md. `base`: the repository that contains the file, if there is one."""
    return STARTING_POINTS[kind](name, base)


def example() -> Written:
    """Return a requirement for the embedded model. Nine of ten of its answers are right, and it has six attempts."""
    visible = f"""---
aura: 1
title: "Reverse text"
deliver: library
language: python
scope: ["reverse_text.py"]
{BUDGET}---
# Reverse text

One small function for people who work with texts. It uses nothing but Python itself.

## Acceptance

{FENCE}yaml acceptance
- id: A1
  says: "`reverse_text(text)` returns the text backwards"
  cases:
    - {{call: "reverse_text:reverse_text", args: ["drawer"], returns: "reward"}}
    - {{call: "reverse_text:reverse_text", args: ["Hello World"], returns: "dlroW olleH"}}
{FENCE}
"""
    sealed = """# Sealed cases: no employee ever sees this file.
- id: A1
  cases:
    - {call: "reverse_text:reverse_text", args: [""], returns: ""}
    - {call: "reverse_text:reverse_text", args: ["stressed"], returns: "desserts"}
    - {call: "reverse_text:reverse_text", args: ["a b"], returns: "b a"}
    - {call: "reverse_text:reverse_text", args: ["12345!"], returns: "!54321"}
"""
    return Written(visible, sealed)


def _bugfix(name: str, base: Base | None) -> Written:
    case = '{call: "package.module:function", args: ["input"], returns: "the right result"}'
    sealed = '{call: "package.module:function", args: ["another input"], returns: "its right result"}'
    front = _front(name, "library", f'scope: ["src/**"]  # the only paths that may be written\n{_base(base)}')
    prose = f"{SAY_WRONG}\nName the file and the function, if you know them.\n"
    before = "The case must fail on the unchanged base, which shows that it finds the fault."
    return Written(f"{front}{_prose(name, prose)}{_block(case, before)}", _sealed(sealed))


def _feature(name: str, base: Base | None) -> Written:
    case = '{call: "package.module:new_function", args: ["input"], returns: "the result"}'
    sealed = '{call: "package.module:new_function", args: ["another input"], returns: "its result"}'
    scope = 'scope: ["src/**", "tests/**"]  # the only paths that may be written\n'
    front = _front(name, "library", f"{scope}{_base(base)}")
    prose = f"{SAY_NEW}\n{NAME_FUNCTIONS}\n"
    before = "The base's own tests must also pass; do not list them here."
    return Written(f"{front}{_prose(name, prose)}{_block(case, before)}", _sealed(sealed))


def _endpoint(name: str, base: Base | None) -> Written:
    module = module_of(name)
    serve = (
        f'serve: {{run: ["python3", "-m", "{module}"], ready: "GET /health", data: /data}}  # ${{PORT}}, ${{DATA}}\n'
    )
    scope = f'scope: ["{module}.py", "{module}/**"]  # the only paths that may be written\n'
    front = _front(name, "http", f"{serve}{scope}{_base(base) if base else ''}")
    prose = (
        f"{SAY_SERVICE}\n"
        "The service listens on the port in the environment variable PORT, answers `GET /health` with 200, and stores\n"
        "its data in the folder whose path is in the environment variable DATA.\n"
    )
    case = (
        "steps:\n"
        '        - {request: "POST /items", json: {name: fig}, status: 201, save: {id: body.id}}\n'
        '        - {request: "GET /items/${id}", status: 200, body: {id: "${id}", name: fig}}\n'
        "        - {restart: true}\n"
        '        - {request: "GET /items/${id}", status: 200, body: {id: "${id}", name: fig}}'
    )
    before = "Each case starts a new service; its steps run in order."
    return Written(
        f"{front}{_prose(name, prose)}{_block(case, before)}", _sealed('{request: "GET /items/none", status: 404}')
    )


def _cli(name: str, base: Base | None) -> Written:
    module = module_of(name)
    command = f'command: "{module} = {module}:main"\n'
    scope = f'scope: ["{module}.py"]  # the only paths that may be written\n'
    front = _front(name, "cli", f"{command}{scope}{_base(base) if base else ''}")
    prose = f"{SAY_WHAT_FOR} `{module}` is for, its arguments, what it prints, and its exit status.\n"
    case = f'{{run: ["{module}", "argument"], exit: 0, stdout: "a line\\n"}}'
    sealed = f'{{run: ["{module}", "another argument"], exit: 0, stdout: "another line\\n"}}'
    before = (
        f'With files: {{run: ["{module}", "in.txt"], files: {{before: {{in.txt: "a"}}, after: {{out.txt: "b"}}}}}}.'
    )
    return Written(f"{front}{_prose(name, prose)}{_block(case, before)}", _sealed(sealed))


STARTING_POINTS: Mapping[str, Callable[[str, Base | None], Written]] = {
    "bugfix": _bugfix,
    "feature": _feature,
    "endpoint": _endpoint,
    "cli": _cli,
}


def _front(name: str, deliver: str, more: str) -> str:
    return f'---\naura: 1\ntitle: "{title_of_name(name)}"\ndeliver: {deliver}\n{more}{BUDGET}---\n'


def _base(base: Base | None) -> str:
    known = base or NO_BASE
    mark = (
        ""
        if base
        else f"# {REPLACE_BASE} with the path of the repository to change (relative to this file) and its branch.\n"
    )
    return f"{mark}base: {{repo: {json.dumps(known.repo)}, ref: {json.dumps(known.ref)}}}\n"


def _prose(name: str, prose: str) -> str:
    return f"# {title_of_name(name)}\n\n{prose}\n## Acceptance\n\n"


def _block(case: str, remark: str) -> str:
    return (
        f"{FENCE}yaml acceptance\n- id: A1\n  says: {SAY_HOLDS} when it is done\n  cases:\n"
        f"    # {REPLACE_CASE} with your own case. {remark}\n    - {case}\n{FENCE}\n"
    )


def _sealed(case: str) -> str:
    return (
        "# Sealed cases have the same form as the acceptance block. No employee ever sees this file.\n"
        "# If a sealed case fails, an employee sees only the criterion's id.\n"
        f"- id: A1\n  cases:\n    # {REPLACE_CASE} with your own case.\n    - {case}\n"
    )
