"""Requirement files are read completely: values, tasks, sealed cases, fixtures, notes, and the files of `aura init`."""

import os
import shlex
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from director.services.requirements import write_template
from domain.errors import Conflict, Invalid, NotFound
from verification.requirements.base_keys import BASE_KEYS
from verification.requirements.fixtures import FIXTURE_BYTES_MAX
from verification.requirements.model import Base, Requirement, RequirementTask, Step
from verification.requirements.parser import RequirementInvalid, check_notes, parse_requirement, read_requirement
from verification.requirements.template import acceptance_block, front_matter, sealed_template, template
from verification.requirements.values import encode

EXAMPLES = Path(__file__).parents[2] / "examples"
FRONT = """---
aura: 1
title: T
deliver: cli
command: "tool = tool:main"
scope: ["tool.py"]
budget: {usd: "0", tokens: 0, minutes: 5}
---
"""


def parse(cases: str, *, front: str = FRONT, folder: Path | None = None, sealed: bytes | None = None) -> Requirement:
    source = f"{front}# T\n```yaml acceptance\n- id: A1\n  says: it works\n  cases:\n    - {cases}\n```\n"
    return parse_requirement(source.encode(), sealed, name="tool", folder=folder)


def step(case: str) -> Step:
    return parse(case).criteria[0].cases[0].steps[0]


@pytest.mark.parametrize("name", ["hello-slug", "greet-cli"])
def test_the_examples_are_valid(name: str) -> None:
    requirement = read_requirement(EXAMPLES / name / f"{name}.md")
    assert requirement.source == (EXAMPLES / name / f"{name}.md").read_bytes()
    assert all(criterion.sealed for criterion in requirement.criteria)
    assert check_notes(requirement) == ()


def test_the_front_matter_becomes_values() -> None:
    requirement = read_requirement(EXAMPLES / "hello-slug" / "hello-slug.md")
    assert (requirement.title, requirement.deliver, requirement.language) == ("Slug maker", "library", "python")
    assert requirement.budget.usd == Decimal("1.00")
    assert requirement.tasks == (
        RequirementTask(id="T1", criteria=("A1", "A2"), scope=("slugify.py",)),
        RequirementTask(id="T2", criteria=("A3",), scope=("history.py",), after=("T1",)),
    )
    assert "# Slug maker" in requirement.prose
    assert "says: words" not in requirement.prose
    based = parse('{call: "tool:f"}', front=FRONT.replace("scope", "base: {repo: ../site}\nscope"))
    assert based.base == Base(repo="../site", ref="main")


def test_without_tasks_each_criterion_is_one_and_they_follow_one_another() -> None:
    tasks = read_requirement(EXAMPLES / "greet-cli" / "greet-cli.md").tasks
    assert [task.criteria for task in tasks] == [("A1",), ("A2",), ("A3",), ("A4",)]
    assert [task.after for task in tasks] == [(), ("T1",), ("T2",), ("T3",)]
    assert {task.scope for task in tasks} == {("greet.py", "README.md")}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("2026-11-22", "2026-11-22"),
        ("yes", "yes"),
        ("010", 10),
        ("0x10", 16),
        ("1e3", 1000.0),
        ("~", None),
        ("'1'", "1"),
        ("123456789012345678901234567890", 123456789012345678901234567890),
        ('{$int: "5"}', 5),
        ("{1: a, b: 2}", {"$dict": [[1, "a"], ["b", 2]]}),
        ("{$dict: [[a, 1]]}", {"a": 1}),
        ("{$set: [1, {$tuple: [1, 2]}]}", {"$set": [1, {"$tuple": [1, 2]}]}),
        ('{$decimal: "1.5"}', {"$decimal": "1.5"}),
    ],
)
def test_yaml_is_version_1_2_with_tagged_values(written: str, value: Any) -> None:
    read = step(f'{{call: "tool:f", args: [{written}], returns: {written}}}')
    assert read.args == (value,)
    assert type(read.args[0]) is type(value)
    assert read.expect.returns == value
    encode(list(read.args))


def test_absent_and_empty_answers_are_told_apart() -> None:
    assert step('{call: "tool:f"}').expect.returns is msgspec.UNSET
    assert step('{call: "tool:f", returns: null}').expect.returns is None


def test_a_run_case_with_everything() -> None:
    files = "{before: {a.txt: A}, after: {b.txt: B, c.txt: null}, unchanged: [a.txt], absent: [d.txt]}"
    run = '{run: [tool, -v], stdin: "a\\n", env: {LANG: C}, exit: 3, stdout_matches: "^x", stderr: "", '
    case = parse(f"{run} within_s: 2.5, memory_mb: 64, files: {files}}}").criteria[0].cases[0]
    assert (case.within_s, case.memory_mb) == (2.5, 64)
    (only,) = case.steps
    assert (only.argv, only.stdin, only.env, only.files_before) == (
        ("tool", "-v"),
        "a\n",
        {"LANG": "C"},
        {"a.txt": "A"},
    )
    seen = only.expect
    assert (seen.exit, seen.stdout, seen.stdout_matches, seen.stderr) == (3, None, "^x", "")
    assert seen.files_after == {"b.txt": "B", "c.txt": None}
    assert (seen.files_unchanged, seen.files_absent) == (("a.txt",), ("d.txt",))


def test_fixtures_travel_with_the_requirement(tmp_path: Path) -> None:
    (tmp_path / "fixtures").mkdir()
    (tmp_path / "fixtures" / "in.txt").write_bytes(b"a\r\nb")
    (tmp_path / "fixtures" / "raw").write_bytes(b"\xff\x00")
    (tmp_path / "hidden.txt").write_bytes(b"h")
    sealed = b'- id: A1\n  cases:\n    - {call: "tool:f", args: [{$file: hidden.txt}], returns: 1}\n'
    raw = '{call: "tool:f", args: [{$file: fixtures/raw, as: bytes}]}'
    cases = f"{{run: [tool], stdin: {{$file: fixtures/in.txt}}}}\n    - {raw}"
    first = parse(cases, folder=tmp_path, sealed=sealed)
    assert first.criteria[0].cases[0].steps[0].stdin == "a\r\nb"
    assert first.criteria[0].cases[1].steps[0].args == ({"$bytes": "/wA="},)
    assert first.criteria[0].sealed[0].steps[0].args == ("h",)
    assert (set(first.fixtures), set(first.sealed_fixtures)) == ({"fixtures/in.txt", "fixtures/raw"}, {"hidden.txt"})
    fixtures = {**first.fixtures, **first.sealed_fixtures}
    again = parse_requirement(first.source, first.sealed_source, name="tool", folder=None, fixtures=fixtures)
    assert again == first
    with pytest.raises(RequirementInvalid, match="was not submitted"):
        parse_requirement(first.source, first.sealed_source, name="tool", folder=None)


def test_fixtures_are_plain_files_below_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    (folder / "real").mkdir(parents=True)
    (tmp_path / "secret").write_text("s")
    (folder / "real" / "plain").write_text("p")
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "way").symlink_to(tmp_path)
    (folder / "large").write_bytes(b"x" * (FIXTURE_BYTES_MAX + 1))
    os.mkfifo(folder / "pipe")
    for path in ("link", "way/secret", "pipe", "large", "real", "../secret", str(tmp_path / "secret"), "none"):
        with pytest.raises(RequirementInvalid) as refusal:
            parse(f'{{call: "tool:f", args: [{{$file: "{path}"}}]}}', folder=folder)
        assert [problem.line for problem in refusal.value.problems] == [14]
    assert parse('{call: "tool:f", args: [{$file: real/plain}]}', folder=folder).fixtures == {"real/plain": b"p"}


def test_notes_are_hints_and_not_errors() -> None:
    notes = check_notes(parse('{call: "other:f"}'))
    assert [note.split(":")[0].split(" ")[0] for note in notes] == ["budget.usd", "budget.tokens", "There", "The"]
    sealed = b'- id: A1\n  cases:\n    - {call: "tool:f", returns: 1}\n'
    front = FRONT.replace('"0", tokens: 0', '"1", tokens: 9')
    assert check_notes(parse('{call: "tool:f", returns: 1}', front=front, sealed=sealed)) == ()
    folder = check_notes(parse('{call: "tool:f", returns: 1}', front=front.replace('["', '["tests", "'), sealed=sealed))
    assert folder == ("The scope `tests` means a single file with this name. For a folder, write `tests/**`.",)


@pytest.mark.parametrize("deliver", ["library", "cli"])
@pytest.mark.parametrize("name", ["hello", "Hello-World 2", "2nd", "ä", "x" * 300, 'a"b\\c'])
def test_what_init_writes_is_valid(name: str, deliver: str) -> None:
    sealed = sealed_template(name, deliver=deliver).encode()
    requirement = parse_requirement(template(name, deliver=deliver).encode(), sealed, name=name, folder=None)
    assert requirement.deliver == deliver
    assert requirement.criteria[0].sealed
    assert check_notes(requirement) == ()


@pytest.mark.parametrize("key", [*BASE_KEYS, "dependencies", "suite_limits"])
def test_init_has_each_key_of_a_base_as_a_comment_that_can_be_used(key: str) -> None:
    wanted = {key, "base"}
    lines = [
        line.removeprefix("# ") if line.removeprefix("# ").partition(":")[0] in wanted else line
        for line in template("hello").splitlines()
    ]
    assert sum(line.startswith(f"{key}:") for line in lines) == 1
    text = "\n".join(lines).replace(
        ', replaced_by: "tests/test_it.py::test_new"', ""
    )  # a criterion would have to name it
    requirement = parse_requirement(text.encode(), None, name="hello", folder=None)
    assert requirement.base == Base(repo="../site", ref="main")


def test_init_has_the_keys_of_a_criterion_as_comments_that_can_be_used() -> None:
    text = template("hello").replace("# holds_already", "holds_already").replace("# base:", "base:")
    assert "`exact_type: true`" in text
    text = text.replace('"hello-world"}', '"hello-world", exact_type: true}')
    requirement = parse_requirement(text.encode(), None, name="hello", folder=None)
    (criterion,) = requirement.criteria
    assert criterion.holds_already
    assert [step.expect.exact_type for case in criterion.cases for step in case.steps] == [True]


PROSE = [
    "Just words.",
    '# A "quoted" \\ title\n\nText\n\n```python\nx = 1\n```\n',
    "---\nname: Bug report\nabout: Something is wrong\ntitle: It crashes\n---\n# It crashes\n\nSteps: none.\n",
    "---\nA rule above the text, and none below it.\n",
    "---\nA rule above the text.\n\n---\nAnd one below.\n",
    "\ufeffWords after a mark.\r\nAnd a second line.\r\n",
    "# A long document\n\n" + "A sentence that nobody wants to read again. " * 500,
]


@pytest.mark.parametrize("prose", PROSE, ids=lambda prose: prose[:12].strip())
@pytest.mark.parametrize("name", ["my-tool.md", "an issue.txt", "README"])
def test_prose_alone_is_told_of_init_and_not_printed_back(tmp_path: Path, prose: str, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(prose.encode())
    with pytest.raises(RequirementInvalid) as refusal:
        read_requirement(file)
    (problem,) = refusal.value.problems
    assert (problem.line, problem.column) == (1, 1)
    assert f"`{shlex.join(['aura', 'init', str(file)])}`" in problem.remedy
    assert prose.strip() not in str(refusal.value)
    assert len(str(refusal.value)) < 400
    (written,) = write_template(file, "library")
    assert written == file.with_suffix(".md")
    if written != file:
        assert file.read_bytes() == prose.encode()
    words = prose.strip("\ufeff\n").replace("\r\n", "\n").strip()
    assert words in read_requirement(written).prose
    with pytest.raises(Conflict):
        write_template(written, "library")


def test_prose_that_init_cannot_complete_is_refused_with_the_place(tmp_path: Path) -> None:
    """A fence without an end would swallow what is added; a file that is no text has no prose."""
    file = tmp_path / "issue.md"
    file.write_text("# Title\n\n```python\nx = 1\n")
    with pytest.raises(RequirementInvalid, match=r"issue\.md:3:1: this fence is not closed"):
        write_template(file, "library")
    file.write_bytes(b"# Title\n\xff\n")
    with pytest.raises(RequirementInvalid, match=r"issue\.md:2:1: this is not a text file"):
        write_template(file, "library")
    file.write_text("# Title\n\n```python\nx = 1\n```\n")
    (tmp_path / "other.txt").write_text("Other words.")
    (tmp_path / "other.md").write_text("Mine.")
    with pytest.raises(Conflict):
        write_template(tmp_path / "other.txt", "library")
    assert write_template(file, "cli") == [file]
    assert read_requirement(file).deliver == "cli"


@pytest.mark.parametrize("front", ["deliver: library\ntitle: x\n", "aura: 2\n", "scope: []\n"])
def test_what_was_meant_for_the_program_is_not_taken_for_prose(tmp_path: Path, front: str) -> None:
    file = tmp_path / "mine.md"
    file.write_text(f"---\n{front}---\n# Mine\n")
    with pytest.raises(RequirementInvalid) as refusal:
        read_requirement(file)
    assert "aura init" not in str(refusal.value)
    with pytest.raises(Conflict):
        write_template(file, "library")


def test_a_part_that_is_missing_is_offered_ready_to_fill_in() -> None:
    ready = f"{front_matter('my-tool', 'T')}Words.\n\n{acceptance_block('my-tool')}"
    assert parse_requirement(ready.encode(), None, name="my-tool", folder=None).title == "T"
    for part in (front_matter("my-tool", "T"), acceptance_block("my-tool")):
        with pytest.raises(RequirementInvalid) as refusal:
            parse_requirement(ready.replace(part, "").encode(), None, name="my-tool", folder=None)
        assert part.strip().splitlines()[1] in refusal.value.problems[0].remedy


@pytest.mark.parametrize("target", ["builtins:eval", "builtins:exec"])
def test_code_in_a_text_gets_a_hint_of_steps(target: str) -> None:
    (note,) = (each for each in check_notes(parse(f'{{call: "{target}", args: ["1"]}}')) if "code as text" in each)
    assert note.startswith(f"A1 calls `{target}`")
    steps = note.partition("with steps: ")[2].rstrip(".")
    assert parse(f"{{steps: {steps}}}").criteria[0].cases[0].steps[1].target == "$it.method"
    assert not any("code as text" in each for each in check_notes(parse('{call: "tool:eval", args: ["1"]}')))


def test_a_method_of_a_new_object_gets_steps_as_remedy() -> None:
    with pytest.raises(RequirementInvalid) as refusal:
        parse('{call: "shop:Basket(3).add", args: [1]}')
    assert refusal.value.problems[0].remedy == 'steps: [{new: "shop:Basket", as: it}, {call: "$it.add"}]'
    assert len(parse(f"{{{refusal.value.problems[0].remedy}}}").criteria[0].cases[0].steps) == 2


def test_tasks_name_a_bounded_number_of_patterns() -> None:
    def tasks(count: int) -> str:
        scopes = (", ".join(f'"{n}-{m}.py"' for m in range(50)) for n in range(count))
        lines = "".join(f"  - {{id: T{n}, criteria: [A{n}], scope: [{scope}]}}\n" for n, scope in enumerate(scopes))
        blocks = "".join(f'- {{id: A{n}, says: s, cases: [{{call: "tool:f"}}]}}\n' for n in range(count))
        front = FRONT.replace('scope: ["tool.py"]', f'scope: ["*.py"]\ntasks:\n{lines.rstrip()}')
        return f"{front}```yaml acceptance\n{blocks}```\n"

    assert len(parse_requirement(tasks(4).encode(), None, name="tool", folder=None).tasks) == 4
    with pytest.raises(RequirementInvalid, match="more than 200 patterns"):
        parse_requirement(tasks(5).encode(), None, name="tool", folder=None)


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="aura init"):
        read_requirement(tmp_path / "none.md")
    with pytest.raises(Invalid, match="not a plain file"):
        read_requirement(tmp_path)
    os.mkfifo(tmp_path / "pipe.md")
    with pytest.raises(Invalid, match="not a plain file"):
        read_requirement(tmp_path / "pipe.md")
    (tmp_path / "tool.md").write_text(template("tool"))
    assert read_requirement(tmp_path / "tool.md").sealed_source is None


SOURCE = (EXAMPLES / "hello-slug" / "hello-slug.md").read_bytes()
SEALED = (EXAMPLES / "hello-slug" / "hello-slug.sealed.yaml").read_bytes()
TOKENS = b"""\t \0 \xff { } [ ] " ' : - $ *a &a ``` --- ? ! | > % ~ 1 .inf $file $tuple null <<: id: cases: steps:"""
pieces = st.tuples(st.sampled_from(TOKENS.split(b" ")), st.sampled_from([b"", b" ", b"\n"])).map(b"".join)


@given(st.booleans(), st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 40), pieces), min_size=1, max_size=4))
@settings(max_examples=150, deadline=None)
def test_no_damage_shows_a_traceback(hidden: bool, damage: list[tuple[int, int, bytes]]) -> None:
    text = SEALED if hidden else SOURCE
    for at, length, piece in damage:
        text = text[:at] + piece + text[at + length :]
    source, sealed = (SOURCE, text) if hidden else (text, SEALED)
    try:
        read = parse_requirement(source, sealed, name="tool", folder=EXAMPLES / "hello-slug")
    except RequirementInvalid as error:
        lines = {"tool.md": source, "tool.sealed.yaml": sealed}
        for problem in error.problems:
            assert 1 <= problem.line <= lines[problem.file].count(b"\n") + 1
            assert problem.column >= 1
            assert problem.remedy
    else:
        assert read.criteria
