"""Coding agents on PATH state their version. The agents here are doubles: scripts that print a text."""

from pathlib import Path

import pytest

from agents.employees.discovery.coding_agents import on_path
from tests.wires.wire import KEY

AGENTS = {
    "claude": "echo '2.1.197 (Claude Code)'",
    "codex": "echo codex-cli 0.171.0",
    "qwen": "echo no number here; exit 3",
    "aider": "sleep 60 & sleep 60",
    "mini": 'echo "key $OPENAI_API_KEY in $HOME 2.4.6"',
    "other": "echo 1.0.0",
}
"""Doubles of agents: programs that state a version, or do not."""


async def test_agents_on_path_state_their_version_without_keys_and_without_the_users_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    for name, script in AGENTS.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "gemini").write_text("no program")
    (tmp_path / "opencode").write_bytes(b"\x7fELF broken")
    (tmp_path / "opencode").chmod(0o755)
    agents = {agent.program: agent for agent in await on_path(str(tmp_path), wall_s=0.5)}
    assert set(agents) == {"claude", "codex", "qwen", "opencode", "aider", "mini"}
    assert {name: agent.version for name, agent in agents.items() if agent.version} == {
        "claude": "2.1.197",
        "codex": "0.171.0",
        "mini": "2.4.6",
    }
    assert "said: no number here" in agents["qwen"].problem
    assert "did not end within 0.5 s" in agents["aider"].problem
    assert "does not start" in agents["opencode"].problem
    assert agents["mini"].name == "mini-swe-agent"


async def test_the_home_of_an_agents_version_is_empty_and_its_environment_has_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    notes = f'/usr/bin/env > {tmp_path}/environment\n/bin/ls -A "$HOME" > {tmp_path}/files\n'
    (tmp_path / "codex").write_text(f"#!/bin/sh\n{notes}echo 1.2.3\n")
    (tmp_path / "codex").chmod(0o755)
    (agent,) = await on_path(str(tmp_path))
    assert agent.version == "1.2.3"
    environment = (tmp_path / "environment").read_text()
    assert KEY not in environment
    assert "HOME=/" in environment, "control: its variables are written down"
    assert f"HOME={Path.home()}\n" not in environment
    assert (tmp_path / "files").read_text() == ""
