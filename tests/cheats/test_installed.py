"""pip must install the judged code: packaging that installs other code is refused, and honest packaging is accepted."""

import importlib.util
import marshal
from collections.abc import Mapping

import pytest

from agents.delivery.packaging import delivered_tree
from verification.judge import Candidate, judge
from verification.requirements.parser import parse_requirement
from verification.sandbox.bubblewrap import Bubblewrap
from verification.verdict.model import GateResult, Verdict

pytestmark = pytest.mark.needs_sandbox

HEAD = """---
aura: 1
title: Slug
{what}
scope: ["**"]
budget: {{usd: "1.00", tokens: 1000, minutes: 5}}
---
# Slug

```yaml acceptance
- id: A1
  says: it joins words
  cases:
    - {case}
```
"""
LIBRARY = HEAD.format(
    what="deliver: library", case='{call: "slug:join", args: ["Hello  World"], returns: "hello-world"}'
)
COMMAND = HEAD.format(
    what='deliver: cli\ncommand: "slug = slug:main"',
    case='{run: ["slug", "Hello  World"], stdout: "hello-world\\n"}',
)
SEALED = {
    LIBRARY: '- id: A1\n  cases:\n    - {call: "slug:join", args: [" A b "], returns: "a-b"}\n',
    COMMAND: '- id: A1\n  cases:\n    - {run: ["slug", " A b "], stdout: "a-b\\n"}\n',
}
RIGHT = "def join(text):\n    return '-'.join(text.lower().split())\n"
WRONG = "def join(text):\n    return text\n"
HELPED = "def join(text):\n    from helper import join\n    return join(text)\n"
MAIN = f"import sys\n{RIGHT}\ndef main():\n    print(join(sys.argv[1]))\n"
TABLE = "import sys\n\ndef main():\n    print({'Hello  World': 'hello-world'}.get(sys.argv[1]))\n"
HATCH = """[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "slug"
version = "1"
[project.scripts]
slug = "slug:main"
[tool.hatch.build.targets.wheel]
only-include = ["slug.py", "helper.py"]
"""
HOOK = "[tool.hatch.build.hooks.custom]\n"
REWRITES = f"""from hatchling.builders.hooks.plugin.interface import BuildHookInterface

class Hook(BuildHookInterface):
    def initialize(self, version, data):
        open("slug.py", "w").write({WRONG!r})
"""
FORCED = "[tool.hatch.build.targets.wheel.force-include]\n"
NO_BACKEND = (
    '[build-system]\nrequires = []\nbuild-backend = "nothing_like_it"\n[project]\nname = "slug"\nversion = "1"\n'
)
CODE = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8) + marshal.dumps(compile(RIGHT, "x", "exec"))
CACHE = f"__pycache__/slug.{importlib.util.cache_from_source('slug.py').rpartition('/slug.')[2]}"

Tree = dict[str, str | bytes]
COMPILED: dict[str, Tree] = {
    "compiled in place of its source": {"slug.py": WRONG, CACHE: CODE},
    "compiled without a source": {"slug.pyc": CODE},
}
CHEATS: dict[str, tuple[str, Tree, bool]] = {
    "the command starts another function": (
        COMMAND,
        {
            "slug.py": MAIN,
            "helper.py": TABLE,
            "pyproject.toml": HATCH.replace('"slug:main"', '"helper:main"'),
        },
        False,
    ),
    "a build hook rewrites the code": (
        LIBRARY,
        {"slug.py": RIGHT, "hatch_build.py": REWRITES, "pyproject.toml": HATCH + HOOK},
        True,
    ),
    "another one below src, which comes first when it is installed": (
        LIBRARY,
        {"slug.py": RIGHT, "src/slug/__init__.py": WRONG},
        True,
    ),
    "a line that runs whenever Python starts": (
        LIBRARY,
        {
            "slug.py": RIGHT,
            "p.txt": "import slug; slug.join = lambda text: text\n",
            "pyproject.toml": HATCH + FORCED + '"p.txt" = "zz.pth"\n',
        },
        True,
    ),
    "the helper is left out": (
        LIBRARY,
        {
            "slug.py": HELPED,
            "helper.py": RIGHT,
            "pyproject.toml": HATCH.replace(', "helper.py"', ""),
        },
        True,
    ),
    "a backend that does not exist": (LIBRARY, {"slug.py": RIGHT, "pyproject.toml": NO_BACKEND}, True),
    "a hook that says what is excused": (
        LIBRARY,
        {
            "slug.py": RIGHT,
            "hatch_build.py": "raise ImportError(\"No module named 'x'\")\n",
            "pyproject.toml": HATCH + HOOK,
        },
        True,
    ),
}
ALWAYS = ("the same files", "a command below src")
"""The rows of the fast run: a library, and a command with the start program of the installed pip."""
HONEST: dict[str, tuple[str, Tree, str]] = {
    "the same files": (LIBRARY, {"slug.py": HELPED, "helper.py": RIGHT, "pyproject.toml": HATCH}, ""),
    "a file that is not needed stays behind": (
        LIBRARY,
        {"slug.py": RIGHT, "bench/run.py": "print(1)\n", "README.md": "# Slug\n", "pyproject.toml": HATCH},
        "bench/run.py is not installed",
    ),
    "a package below src": (
        LIBRARY,
        {"src/slug/__init__.py": "from slug.words import join\n", "src/slug/words.py": RIGHT},
        "",
    ),
    "a command below src": (COMMAND, {"src/slug.py": MAIN}, ""),
    "the command through another module": (
        COMMAND,
        {
            "slug.py": MAIN,
            "helper.py": "from slug import main\n",
            "pyproject.toml": HATCH.replace('"slug:', '"helper:'),
        },
        "the installed program does not start `slug = slug:main`",
    ),
}


async def judged(box: Bubblewrap, asked: str, files: Tree) -> tuple[Verdict, GateResult]:
    requirement = parse_requirement(asked.encode(), SEALED[asked].encode(), name="slug", folder=None)
    tree: Mapping[str, bytes] = {
        path: text if isinstance(text, bytes) else text.encode() for path, text in files.items()
    }
    found = await judge(
        Candidate(requirement=requirement, tree=tree, packaged=delivered_tree(requirement, tree), mutants_max=0),
        sandbox=box,
        seed=5,
        allow_degraded=True,
    )
    return found, next(gate for gate in found.gates if gate.gate == "smoke")


@pytest.mark.parametrize("name", COMPILED)
async def test_compiled_python_is_refused(sandbox: Bubblewrap, name: str) -> None:
    found, _ = await judged(sandbox, LIBRARY, COMPILED[name])
    assert {(each.kind, each.integrity) for each in found.findings} == {("leftover_files", False)}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * slow) for name, (_, _, slow) in CHEATS.items()]
)
async def test_packaging_that_delivers_something_else_is_refused(sandbox: Bubblewrap, name: str) -> None:
    asked, tree, _ = CHEATS[name]
    found, smoke = await judged(sandbox, asked, tree)
    assert not found.verified
    assert {each.kind for each in found.findings} == {"smoke_failed"}
    assert smoke.result == "failed"
    assert not any("'a-b" in each.for_author for each in found.findings), "a sealed case was told"


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in ALWAYS else pytest.mark.slow) for name in HONEST],
)
async def test_packaging_that_differs_and_does_no_harm_is_verified(sandbox: Bubblewrap, name: str) -> None:
    asked, tree, other = HONEST[name]
    found, smoke = await judged(sandbox, asked, tree)
    assert found.verified, found.findings
    assert smoke.evidence.get("otherwise", "") == other
