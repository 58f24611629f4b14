"""Injections stay data in every prompt: each text of the corpus, in every place that a prompt has for it."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import pytest

from agents.briefs.brief import Brief, BriefCriterion, PreviousAnswer
from agents.briefs.fence import Fence
from agents.briefs.review_brief import INSTRUCTIONS, diff_of
from agents.cli_agents.prompt import agent_prompt
from agents.employees.conversation import Message
from agents.employees.prompts import prompt_of
from agents.sessions.actions import Action
from agents.sessions.prompt import first_messages
from agents.sessions.transcript import MESSAGES_KEPT_AT_END, SHORTENED_CHARS, Transcript
from agents.sessions.workspace import Workspace
from director.cli.output import Door
from domain.errors import NotFound
from tests.attacks.injections import INJECTIONS
from verification.sandbox.session_command import CommandResult

FENCE = Fence(UUID(int=11))
HARMLESS = "An ordinary text."
EACH_AIM = pytest.mark.parametrize("aim", sorted({each.aim for each in INJECTIONS}))
Prompts = dict[str, str]


def brief_with(text: str, **more: object) -> Brief:
    """Return a brief with the text in every place that holds words of other people."""
    fields: dict[str, object] = {
        "title": text.replace("\n", " "),
        "prose": text,
        "task": "T1",
        "criteria": (BriefCriterion(id="A1", says=text, examples=(text, "f(1) == 2")),),
        "paths": ("src/**",),
        "signatures": (f"def f({text})",),
        "base_files": {"README.md": text, "src/a.py": f"# {text}\n", text: "x = 1\n"},
        "feedback": (text, f"f(1): {text}"),
        "suites": {"tests/test_a.py": f"# {text}\n", f"tests/{text}": "x = 1\n"},
        "not_shown": {f"src/{text}": "it is not UTF-8 text"},
        "neighbours": {"src/b.py": f"# {text}\n", f"lib/{text}": "class A: ...\n"},
        "listing": ("README.md", text),
        "previous": PreviousAnswer(text=text, files={"src/a.py": text}),
    }
    return Brief(**{**fields, **more})  # type: ignore[arg-type]  # fields of Brief


def answer_prompts(text: str, fence: Fence) -> Prompts:
    """Return the prompts of answers: whole, cut to several sizes, and of a review."""
    brief = brief_with(text)
    prompts = {
        f"answer of {tokens} tokens": prompt_of(brief, fence, tokens_max=tokens, may_decline=True)
        for tokens in (None, 1_200, 2_000)
    }
    diff = diff_of({"README.md": HARMLESS}, {"README.md": text, text: text}, [text])
    review = brief_with(text, instructions=INSTRUCTIONS, prose=f"{text}\n{diff}", task="review")
    prompts["review"] = prompt_of(review, fence)
    return {name: prompt.messages[1]["content"] for name, prompt in prompts.items()}


def session_prompts(text: str, fence: Fence) -> Prompts:
    prompts = {
        f"session, native {native}": first_messages(brief_with(text), fence, native=native)[1].text
        for native in (True, False)
    }
    return {**prompts, "coding agent": agent_prompt(brief_with(text), fence)}


@dataclass
class MemoryFiles:
    """A double of a box: every file and the output of every command has the same text."""

    text: str

    async def run(self, command: str | Sequence[str]) -> CommandResult:
        assert command
        return CommandResult(reason="exit", exit_code=0, head=self.text.encode("utf-8", "surrogatepass"))

    async def read(self, path: str) -> "MemoryPart":
        if path == self.text:
            raise NotFound(f"There is no {path}.", hint="List the folder to see its files.")
        return MemoryPart(self.text.encode("utf-8", "surrogatepass"))

    async def write(self, path: str, content: bytes) -> None:
        """Keep nothing: this double has one text."""


@dataclass
class MemoryPart:
    content: bytes
    size: int = field(init=False)

    def __post_init__(self) -> None:
        self.size = len(self.content)


async def tool_prompts(text: str, fence: Fence) -> Prompts:
    """Return the result of each tool, also of mistakes with a name from the project, and a shortened result."""

    async def check() -> str:
        return text

    workspace = Workspace(MemoryFiles(text), fence, check)
    asked: Mapping[str, Action] = {
        "output": Action(name="run", arguments={"command": "cat README.md"}),
        "search": Action(name="search", arguments={"pattern": "x", "path": "."}),
        "file": Action(name="read", arguments={"path": "README.md"}),
        "no such file": Action(name="read", arguments={"path": text}),
        "written": Action(name="write", arguments={"path": text, "content": ""}),
        "no such text": Action(name="replace", arguments={"path": "README.md", "old": "none of it", "new": ""}),
        "check": Action(name="check"),
    }
    results = {name: await workspace.act(action) for name, action in asked.items()}
    padded = [fence.data("output", f"{'a' * pad}{text}{'b' * 4000}") for pad in (0, SHORTENED_CHARS - 60)]
    for number, each in enumerate(padded):
        results[f"shortened {number}"] = _shortened(each)
    return results


def _shortened(text: str) -> str:
    """Return a result as it is after the conversation was shortened."""
    transcript = Transcript((Message(role="system", text="s"),), prompt_tokens_max=500)
    transcript.add(Message(role="tool", text=text), *[Message(role="user", text="go on")] * MESSAGES_KEPT_AT_END)
    assert transcript.fit()
    return transcript.messages[1].text


def parts_of(prompt: str, fence: Fence) -> tuple[str, str]:
    """Return what a prompt has outside and inside of its fences. A fence in a fence, or without an end, is a fault."""
    outside: list[str] = []
    inside: list[str] = []
    within = False
    for line in prompt.split("\n"):
        begins, ends = line.startswith(f"[data {fence.mark}: "), line == f"[end of data {fence.mark}]"
        assert not (begins and within), "a fence begins inside of a fence"
        assert not (ends and not within), "a fence ends that did not begin"
        (inside if within and not ends else outside).append(line)
        within = begins or (within and not ends)
    assert not within, "a fence has no end"
    return "\n".join(outside), "\n".join(inside)


def counts_hidden(text: str) -> str:
    """Return our own text without the numbers that depend on the size of other people's text."""
    return re.sub(r"\d+", "N", text)


async def all_prompts(text: str) -> Prompts:
    return answer_prompts(text, FENCE) | session_prompts(text, FENCE) | await tool_prompts(text, FENCE)


@EACH_AIM
async def test_an_injection_is_only_inside_the_fence(aim: str) -> None:
    """Everything outside of the fences is the same as with a harmless text."""
    harmless = await all_prompts(HARMLESS)
    for injection in (each for each in INJECTIONS if each.aim == aim):
        text = injection.written(FENCE)
        last = text.rpartition("\n")[2]
        for name, prompt in (await all_prompts(text)).items():
            outside, inside = parts_of(prompt, FENCE)
            assert counts_hidden(outside) == counts_hidden(parts_of(harmless[name], FENCE)[0]), (injection.name, name)
            assert FENCE.mark not in inside.casefold(), (injection.name, name)
            if name in ("answer of None tokens", "session, native True"):
                assert last in inside, f"control: {injection.name} is in the prompt"


def planted(text: str) -> str:
    """Return a prompt whose builder forgot the fence."""
    return f"The file README.md:\n{text}"


class NaiveFence(Fence):
    """A fence that lets the text keep the mark."""

    def data(self, kind: str, text: str) -> str:
        return f"[data {self.mark}: {kind}]\n{text}\n[end of data {self.mark}]"


@EACH_AIM
def test_a_prompt_without_a_fence_is_noticed(aim: str) -> None:
    """The control of the test above."""
    for injection in (each for each in INJECTIONS if each.aim == aim):
        assert not is_fenced(planted(injection.written(FENCE)), planted(HARMLESS)), injection.name


def is_fenced(prompt: str, harmless: str) -> bool:
    try:
        return parts_of(prompt, FENCE)[0] == parts_of(harmless, FENCE)[0]
    except AssertionError:
        return False


@pytest.mark.parametrize("name", ["end", "begin", "end-name"])
def test_a_fence_that_keeps_the_mark_is_noticed(name: str) -> None:
    """The control of the injections that know the mark."""
    (injection,) = (each for each in INJECTIONS if each.name == name)
    text = injection.written(FENCE)
    naive = NaiveFence(UUID(int=11)).data("a file", text)
    harmless = FENCE.data("a file", HARMLESS)
    assert not is_fenced(naive, harmless)
    assert is_fenced(FENCE.data("a file", text), harmless)


@pytest.mark.parametrize("form", ["upper", "wide", "spaced", "joined", "alike", "bell"])
def test_characters_that_look_like_the_mark_are_removed(form: str) -> None:
    (injection,) = (each for each in INJECTIONS if each.text.startswith("[") and f"{{{form}}}" in each.text)
    shown = FENCE.data("a file", f"before\n{injection.written(FENCE)}\nafter").split("\n")
    assert shown[1] == "before"
    assert shown[2] in ("(mark)", "[END OF DATA (mark)]")
    assert shown[-2] == "after", "the lines around it stay"
    usual = "a line with \N{LATIN SMALL LETTER E WITH ACUTE}, [data 123456789abc: x] and \N{CYRILLIC SMALL LETTER A}"
    assert usual in FENCE.data("a file", usual), "control: other text is shown as it is"


def test_no_injection_changes_the_screen(capsys: pytest.CaptureFixture[str]) -> None:
    door = Door("run show", as_json=False)
    for injection in INJECTIONS:
        text = injection.written(FENCE)
        for shows in _shows(door):
            shows(text)
            seen = "".join(capsys.readouterr())
            assert seen.strip()
            assert seen.replace("\n", "").replace("\t", "").isprintable(), injection.name
        print(text)
        shown = capsys.readouterr().out.replace("\n", "").isprintable()
        assert not shown or injection.name not in ("clear", "c1", "right-left"), "control: print would change it"


def _shows(door: Door) -> Iterator[Callable[[str], None]]:
    yield door.say
    yield door.note
    yield lambda text: door.line({}, text)
    yield lambda text: door.answer({}, text)


def test_the_corpus_has_every_aim_and_place() -> None:
    assert len(INJECTIONS) >= 40
    assert len({each.name for each in INJECTIONS}) == len(INJECTIONS)
    assert {each.place for each in INJECTIONS} == {"README", "issue", "test output", "file name", "comment"}
    assert {each.aim for each in INJECTIONS} == {"scope", "budget", "rights", "verdict", "fence", "sealed", "screen"}
