"""The commands, options and variables in every hint of the sources exist."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.employees.call_errors import ATTEMPT_HINTS, CALL_FAILURES, HINTS, hint_of
from domain.faults import WEIGHTS
from tests.architecture.packages import CODE
from tests.architecture.pages import options_of_commands
from tests.architecture.parsing import nodes

ROOT = Path(__file__).resolve().parents[2]
DOCS = ("docs/cli.md", "docs/operators.md", "docs/requirements.md", "README.md")
OTHER_TOOLS = frozenset(
    {"--system", "--unshallow", "--refetch", "--no-filter"}
)  # of pip and its like, in hints about them
FOREIGN = re.compile(r"SSL_CERT_FILE|SSL_CERT_DIR|HTTPS?_PROXY|NO_PROXY|TMPDIR")
_COMMAND = re.compile(r"`aura ([a-z]+(?: [a-z]+)?)([^`]*)`")
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
_VARIABLE = re.compile(r"\b(?:AURA|OPENAI)_[A-Z_]+\b")


def hints() -> Iterator[tuple[str, str]]:
    """Yield (place, text) of each hint in the sources, and of the remedies for failed calls."""
    for failure, text in (*HINTS.items(), *ATTEMPT_HINTS.items()):
        yield f"HINTS[{failure}]", text
    for layer in CODE:
        for path in sorted((ROOT / layer).rglob("*.py")):
            source = path.read_text(encoding="utf-8")
            for node in nodes(source) if "hint" in source else ():
                if isinstance(node, ast.keyword) and node.arg == "hint":
                    yield f"{path.relative_to(ROOT)}:{node.value.lineno}", _text(node.value)


def _text(node: ast.expr) -> str:
    """Return the constant parts of a text expression."""
    return "".join(
        each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)
    )


def missing(text: str, known: dict[str, set[str]], written: str) -> list[str]:
    """Name the commands, options and variables of a hint that do not exist."""
    wrong = []
    for command, rest in _COMMAND.findall(text):
        name = command if command in known else command.partition(" ")[0]
        if name not in known:
            wrong.append(f"aura {command}")
            continue
        wrong += [f"aura {name} {option}" for option in _OPTION.findall(rest) if option not in known[name]]
    everything = {option for options in known.values() for option in options} | OTHER_TOOLS
    wrong += [option for option in _OPTION.findall(_COMMAND.sub("", text)) if option not in everything]
    wrong += [name for name in _VARIABLE.findall(text) if name not in written and not FOREIGN.search(name)]
    return wrong


def test_whatever_a_hint_names_exists() -> None:
    known = options_of_commands()
    written = "".join((ROOT / page).read_text(encoding="utf-8") for page in DOCS)
    places = list(hints())
    assert len(places) > 200, "control: they are read"
    assert {place: wrong for place, text in places if (wrong := missing(text, known, written))} == {}


@pytest.mark.parametrize(
    "text",
    [
        "Say `aura hire --no-such-option`.",
        "Say `aura nosuchcommand`.",
        "Raise --no-such-option.",
        "Set AURA_NO_SUCH_VARIABLE.",
    ],
)
def test_control_what_does_not_exist_is_found(text: str) -> None:
    assert missing(text, options_of_commands(), "")
    assert missing("Say `aura hire --wall-s 60`.", options_of_commands(), "") == []


def test_the_page_lists_every_failure_with_its_remedy() -> None:
    page = (ROOT / "docs" / "operators.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| [^|]+ \| [^|]+ \| (.+) \|$", page, re.MULTILINE))
    assert {kind: rows.get(kind) for kind in HINTS} == HINTS


def test_every_failure_has_a_remedy_and_every_fault_is_a_failure() -> None:
    assert set(HINTS) == set(CALL_FAILURES) >= set(WEIGHTS)
    assert all(text.endswith(".") and len(text) > 30 for text in HINTS.values())
    assert (hint_of("answered"), hint_of("no_such_outcome")) == ("", "")
