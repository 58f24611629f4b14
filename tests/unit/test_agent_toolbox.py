"""The toolbox of a coding agent. The package managers are doubles: small programs that say what npm and pip say."""

import fcntl
import os
import sys
import time
from pathlib import Path

import pytest

from agents.cli_agents import installers, toolbox
from agents.cli_agents.template import AgentTemplate, parse
from agents.cli_agents.toolbox import build_toolbox, find_toolbox, packages_of, toolbox_name
from domain.errors import Conflict, NotFound, Unavailable

NPM = """#!/bin/sh
# A double of npm. It installs one file, and writes its variables down.
case "$*" in *--ignore-scripts*) ;; *) echo "scripts would run"; exit 9;; esac
mkdir -p node_modules/mine
env > node_modules/mine/environment
printf 'run me' > node_modules/mine/program
chmod 700 node_modules/mine/program
echo '{"packages": {"node_modules/mine": {"version": "1.2.3"}}}' > node_modules/.package-lock.json
echo "added 1 package"
"""
TEMPLATE = """
name = "mine"
says = "an agent of my own"
wire = "chat"
prompt = "stdin"
argv = ["{toolbox}/node_modules/mine/program"]

[npm]
mine = "1.2.3"
"""


@pytest.fixture
def template() -> AgentTemplate:
    return parse(TEMPLATE, "mine.toml")


def npm(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str = NPM) -> None:
    """Put this program on PATH as npm."""
    (folder / "bin").mkdir(exist_ok=True)
    program = folder / "bin" / "npm"
    program.write_text(text)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:/usr/bin:/bin")


def test_it_is_built_once_and_every_user_can_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, template: AgentTemplate
) -> None:
    npm(tmp_path, monkeypatch)
    lines: list[str] = []
    with pytest.raises(NotFound, match="is not installed") as missing:
        find_toolbox(tmp_path, template)
    assert "aura toolbox mine" in missing.value.hint
    former = os.umask(0o077)
    try:
        folder = build_toolbox(tmp_path, template, lines.append)
    finally:
        os.umask(former)
    assert "npm: added 1 package" in lines
    assert packages_of(folder) == {"mine": "1.2.3"}
    assert (folder / "node_modules/mine/program").stat().st_mode & 0o777 == 0o755
    assert (folder / "node_modules/mine/environment").stat().st_mode & 0o777 == 0o644
    assert find_toolbox(tmp_path, template) == folder
    lines.clear()
    assert build_toolbox(tmp_path, template, lines.append) == folder
    assert lines == []


def test_the_package_manager_gets_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, template: AgentTemplate
) -> None:
    npm(tmp_path, monkeypatch)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("https_proxy", "http://proxy.invalid")
    folder = build_toolbox(tmp_path, template, lambda _: None)
    told = (folder / "node_modules/mine/environment").read_text()
    assert "sk-secret" not in told
    assert "http://proxy.invalid" in told  # the control: the variables are really written down


@pytest.mark.parametrize(
    ("says", "code", "hint"),
    [
        ("npm error code ENOTFOUND\nnpm error network request failed", "no_network", "proxy"),
        ("npm error code E404\nnpm error 404 Not Found - mine@1.2.3", "package_missing", "template"),
        ("npm error code ENOSPC\nnpm error nospc no space left", "disk_full", "AURA_HOME"),
        ("npm error something else", "toolbox_failed", "again"),
    ],
)
def test_a_failed_installation_says_why_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, template: AgentTemplate, says: str, code: str, hint: str
) -> None:
    npm(tmp_path, monkeypatch, f"#!/bin/sh\nmkdir node_modules\necho '{says}'\nexit 1\n")
    with pytest.raises(Unavailable) as error:
        build_toolbox(tmp_path, template, lambda _: None)
    assert error.value.code == code
    assert hint in error.value.hint
    assert says.splitlines()[-1].removeprefix("npm error ") in error.value.message
    assert [path.name for path in (tmp_path / "toolboxes").iterdir()] == [f".{toolbox_name(template)}.lock"]


def test_an_installation_that_hangs_is_ended_at_its_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, template: AgentTemplate
) -> None:
    npm(tmp_path, monkeypatch, "#!/bin/sh\necho begun\nsleep 60\n")  # the program that it starts holds its output open
    monkeypatch.setattr(installers, "INSTALL_WAIT_S", 0.5)
    began = time.monotonic()
    with pytest.raises(Unavailable, match=r"did not install the program within 0\.5 s"):
        build_toolbox(tmp_path, template, lambda _: None)
    assert time.monotonic() - began < 30
    npm(tmp_path, monkeypatch, NPM.replace("# A double", "sleep 0.1  # A double"))
    monkeypatch.setattr(installers, "INSTALL_WAIT_S", 60.0)
    assert build_toolbox(tmp_path, template, lambda _: None).is_dir()


def test_without_npm_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, template: AgentTemplate
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="npm is not installed") as error:
        build_toolbox(tmp_path, template, lambda _: None)
    assert "apt install npm" in error.value.hint


def test_without_pip_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    with pytest.raises(Unavailable, match="pip is not installed"):
        installers.install_pip(tmp_path, {"mine": "1.2.3"}, lambda _: None)


def test_a_full_disk_is_found_before_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, template: AgentTemplate
) -> None:
    npm(tmp_path, monkeypatch)
    monkeypatch.setattr(toolbox, "FREE_BYTES_MIN", 1 << 60)
    with pytest.raises(Unavailable, match="free space"):
        build_toolbox(tmp_path, template, lambda _: None)


def test_one_builder_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, template: AgentTemplate) -> None:
    npm(tmp_path, monkeypatch)
    (tmp_path / "toolboxes").mkdir()
    with (tmp_path / "toolboxes" / f".{toolbox_name(template)}.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(Conflict, match="Another process"):
            build_toolbox(tmp_path, template, lambda _: None)
    assert build_toolbox(tmp_path, template, lambda _: None).is_dir()


def test_a_build_that_was_killed_is_removed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, template: AgentTemplate
) -> None:
    npm(tmp_path, monkeypatch)
    left = tmp_path / "toolboxes" / f".{toolbox_name(template)}.partial"
    left.mkdir(parents=True)
    (left / "node_modules").write_text("half")
    assert (build_toolbox(tmp_path, template, lambda _: None) / "node_modules/mine/program").is_file()
    assert not left.exists()


def test_two_templates_with_the_same_program_share_a_folder(template: AgentTemplate) -> None:
    other = parse(TEMPLATE.replace('name = "mine"', 'name = "mine-acp"').replace('"stdin"', '"acp"'), "a")
    assert toolbox_name(other) == toolbox_name(template)


def test_another_version_has_another_folder(template: AgentTemplate) -> None:
    assert toolbox_name(template) == toolbox_name(parse(TEMPLATE.replace("of my own", "of another"), "a"))
    assert toolbox_name(template) != toolbox_name(parse(TEMPLATE.replace("1.2.3", "1.2.4"), "a"))
