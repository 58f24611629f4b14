"""Templates of coding agents: what is shipped, what a user may write, and which flags are refused."""

import re
from pathlib import Path

import pytest

from agents.cli_agents.acp import START
from agents.cli_agents.command_line import HOME, PROMPT_FILE, TOOLBOX, AgentJob, relay_order
from agents.cli_agents.flags import checked_flags
from agents.cli_agents.library import FOLDER, shipped, template_named, templates
from agents.cli_agents.template import AgentTemplate, parse
from domain.errors import Invalid, LimitReached, NotFound

GOOD = """
name = "mine"
says = "an agent of my own"
wire = "chat"
prompt = "stdin"
argv = ["{toolbox}/bin/mine", "--model", "{model}", "{flags}"]

[npm]
mine = "1.2.3"
"""
AGENTS = ["aider", "claude", "codex", "gemini", "mini-swe-agent", "opencode", "qwen-code"]
WITH_ACP = ["claude-acp", "codex-acp", "gemini-acp", "opencode-acp", "qwen-code-acp"]
ALL = [*AGENTS, *WITH_ACP]


def job(template: AgentTemplate, **changes: object) -> AgentJob:
    values = {"template": template, "toolbox": Path("/none"), "model": "hired", "prompt": "do it", **changes}
    return AgentJob(**values)  # type: ignore[arg-type]  # fields of AgentJob


def test_seven_agents_are_shipped_with_exact_versions() -> None:
    assert sorted(shipped()) == sorted(ALL)
    for template in shipped().values():
        assert template.packages()
        assert not any("{" in f"{name}{version}" for name, version in template.packages().items())
        assert len(template.refused) >= (1 if template.prompt == "acp" else 4)


@pytest.mark.parametrize("name", ALL)
def test_a_command_line_has_all_its_values(name: str) -> None:
    order = relay_order(job(shipped()[name], flags=("--extra", "x y")))
    told = " ".join([*order.run, *order.env.values(), *order.files, *order.files.values()])
    assert "hired" in told
    assert "{model}" not in told
    assert "{toolbox}" not in told
    assert (START in order.run) == (name in WITH_ACP)
    at = order.run.index("--extra")
    assert order.run[at + 1] == "x y"
    assert "http://127.0.0.1:4141" in told
    assert order.env["HOME"] == HOME
    assert order.run[0].startswith((TOOLBOX, "python3", "/aura/bin/python3"))
    assert (order.stdin == PROMPT_FILE) or PROMPT_FILE in order.run or "do it" in order.run


@pytest.mark.parametrize("name", ALL)
def test_a_flag_that_would_break_the_protocol_is_refused(name: str) -> None:
    """Each flag of the template's table, also with a value. `test_harmless_flags_pass` is the control."""
    template = shipped()[name]
    for flag in (flag for flags in template.refused.values() for flag in flags):
        for spelling in [flag, f"{flag}=x"] if flag.startswith("--") else [flag]:
            with pytest.raises(Invalid, match="may not get the flag"):
                checked_flags(template, ["--fine", spelling])


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("claude", ["--effort", "high", "--append-system-prompt", "Write tests first."]),
        ("codex", ["--ignore-rules"]),
        ("gemini", ["--version"]),
        ("qwen-code", ["--max-session-turns", "30"]),
        ("opencode", ["--variant", "high"]),
        ("aider", ["--edit-format", "diff", "--map-tokens", "2048"]),
        ("mini-swe-agent", []),
    ],
)
def test_harmless_flags_pass(name: str, flags: list[str]) -> None:
    assert checked_flags(shipped()[name], flags) == tuple(flags)


@pytest.mark.parametrize(
    ("name", "flag"),
    [
        ("gemini", "--outputFormat=text"),
        ("qwen-code", "--openaiBaseUrl=http://elsewhere"),
        ("qwen-code", "--no-chat-recording"),
        ("aider", "--openai-api-b=http://elsewhere"),
        ("aider", "--no-yes-always"),
        ("codex", "-cmodel_provider=other"),
        ("mini-swe-agent", "-mother/model"),
        ("claude", "--"),
    ],
)
def test_other_spellings_of_a_flag_are_refused_too(name: str, flag: str) -> None:
    with pytest.raises(Invalid):
        checked_flags(shipped()[name], [flag])


def test_flags_have_limits() -> None:
    for flags in (["-v"] * 41, ["x" * 1001], ["a\0b"]):
        with pytest.raises(Invalid, match="flags"):
            checked_flags(shipped()["claude"], flags)
    for flags in (["-v"] * 40, ["x" * 1000], ["a b"]):
        assert checked_flags(shipped()["claude"], flags) == tuple(flags), "control"


def test_a_users_own_template_is_found_beside_the_shipped_ones(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "mine.toml").write_text(GOOD)
    assert sorted(templates(tmp_path)) == sorted([*ALL, "mine"])
    assert template_named("mine", tmp_path).says == "an agent of my own"
    assert template_named("claude", tmp_path) == shipped()["claude"]


def test_an_unknown_agent_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as error:
        template_named("clode", tmp_path)
    assert all(name in error.value.hint for name in ALL)


@pytest.mark.parametrize(
    ("change", "line", "says"),
    [
        (('wire = "chat"', 'wire = "soap"'), "line 4", "soap"),
        (('prompt = "stdin"', "prompt = 3"), "line 5", "prompt"),
        (("{model}", "{modell}"), "line 6", "{model}"),
        (('"{flags}"', '"x{flags}"'), "line 6", "{flags}"),
        (('mine = "1.2.3"', 'mine = "^1.2"'), "line 9", "1.2.3"),
        (('mine = "1.2.3"', 'mine = "latest"'), "line 9", "1.2.3"),
        (('name = "mine"', 'name = "My Agent"'), "line 2", "small letters"),
        (('prompt = "stdin"', 'prompt = "file"'), "line 6", "{prompt_file}"),
        (('says = "an agent of my own"', "sais = 1"), "line 3", "sais"),
        (('says = "an agent of my own"', "says = "), "line 3", "TOML"),
        (("[npm]", "[files]\n\"/etc/passwd\" = 'x'\n[npm]"), "line 8", "home"),
    ],
)
def test_a_bad_template_is_refused_with_file_line_and_what_to_write(
    change: tuple[str, str], line: str, says: str
) -> None:
    assert parse(GOOD, "good.toml").name == "mine"
    with pytest.raises(Invalid) as error:
        parse(GOOD.replace(*change), "home/mine.toml")
    assert "home/mine.toml" in error.value.message
    assert line in error.value.message
    assert says in str(error.value)
    assert error.value.hint


def test_the_example_of_the_documentation_is_a_template() -> None:
    page = (Path(__file__).parents[2] / "docs" / "agents.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    template = parse(example, "docs/agents.md")
    assert relay_order(job(template, flags=("--fast",))).run[-1] == "--fast"
    assert checked_flags(template, ["--fast"])


def test_a_file_must_have_the_name_of_its_template(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "other.toml").write_text(GOOD)
    with pytest.raises(Invalid, match="has the name 'mine'"):
        templates(tmp_path)


def test_a_file_that_is_not_text_or_too_long_is_refused(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    path = tmp_path / FOLDER / "mine.toml"
    for content in (b"\xff\xfe", b"# " + b"x" * 70_000):
        path.write_bytes(content)
        with pytest.raises(Invalid, match=r"mine\.toml"):
            templates(tmp_path)


def test_the_digest_follows_from_the_content_alone() -> None:
    first = parse(GOOD, "a")
    assert parse(f"# a comment\n{GOOD}", "b").digest == first.digest
    assert parse(GOOD.replace("1.2.3", "1.2.4"), "a").digest != first.digest


@pytest.mark.parametrize("model", ['x" evil', "a b", "", "-x", "x" * 300, "{prompt}"])
def test_a_model_that_cannot_be_on_a_command_line_is_refused(model: str) -> None:
    with pytest.raises(Invalid):
        relay_order(job(shipped()["opencode"], model=model))


def test_a_prompt_that_is_too_long_for_an_argument_is_refused() -> None:
    long = "x" * (121 * 1024)
    assert relay_order(job(shipped()["claude"], prompt=long)).stdin
    with pytest.raises(LimitReached):
        relay_order(job(shipped()["mini-swe-agent"], prompt=long))


def test_a_prompt_with_braces_is_not_filled_in() -> None:
    assert "{model} {home}" in relay_order(job(shipped()["mini-swe-agent"], prompt="{model} {home}")).run
