"""The table of paths that could influence a verdict, and similar paths that could not."""

import pytest

from verification.requirements.steering import configures, steering_reason, steers

PYTEST = b"[tool.pytest.ini_options]\naddopts = '-q'\n"


@pytest.mark.parametrize(
    ("path", "harmless"),
    [
        ("conftest.py", "my_conftest.py"),
        ("tests/conftest.py", "tests/test_conf.py"),
        ("Conftest.py", "conftest.md"),
        ("pytest.ini", "setup.ini"),
        (".pytest.ini", "config/app.ini"),
        ("pytest.toml", "config.toml"),
        ("sitecustomize.py", "customize.py"),
        ("lib/usercustomize.py", "lib/user.py"),
        ("sitecustomize/__init__.py", "sites/__init__.py"),
        ("a.pth", "a.pt"),
        ("x.dist-info/entry_points.txt", "dist/entry_points.txt"),
        ("x.egg-info/PKG-INFO", "docs/PKG-INFO"),
        ("x.egg-link", "x.link"),
        ("a.pyc", "a.py"),
        ("__pycache__/a.txt", "cache/a.txt"),
        ("json.py", "jsonlines.py"),
        ("src/random.py", "src/app/random.py"),
        ("types/__init__.py", "app/types/__init__.py"),
        ("pytest.py", "pytest_notes.md"),
        ("_pytest/hookspec.py", "app/_pytest/hookspec.py"),
        ("AGENTS.md", "docs/people.md"),
        ("sub/CLAUDE.md", "README.md"),
        (".claude/settings.json", "claude/settings.json"),
        (".codex/config.toml", "codex/config.toml"),
        (".mcp.json", "mcp.json"),
        (".cursor/rules/a.md", "cursor/a.md"),
        (".github/copilot-instructions.md", ".github/workflows/ci.yml"),
        (".gitattributes", ".gitignore"),
        (".gitmodules", "requirements.txt"),
    ],
)
def test_a_path_that_could_influence_a_verdict_is_known(path: str, harmless: str) -> None:
    assert steering_reason(path, b"x", None)
    assert steering_reason(harmless, b"x", None) == ""


@pytest.mark.parametrize(
    ("path", "plain", "steering"),
    [
        ("pyproject.toml", b"[project]\nname = 'a'\n", PYTEST),
        ("setup.cfg", b"[metadata]\nname = a\n", b"[tool:pytest]\naddopts = -q\n"),
        ("sub/tox.ini", b"[tox]\nenvlist = py\n", b"[pytest]\naddopts = -q\n"),
    ],
)
def test_a_configuration_file_steers_by_its_section_for_pytest_alone(path: str, plain: bytes, steering: bytes) -> None:
    assert steering_reason(path, plain, None) == ""
    assert steering_reason(path, steering, None) == "changes pytest's configuration"
    assert steering_reason(path, plain, plain + steering) == "changes pytest's configuration", "it was taken away"
    assert steering_reason(path, None, steering) == "changes pytest's configuration", "it was deleted"
    assert steering_reason(path, steering + b"\n", steering) == "", "it says the same"
    assert steering_reason(path, b"[[[ pytest", None) == "changes pytest's configuration", "it does not parse"
    assert steering_reason(path, b"[[[", None) == ""


def test_a_link_may_not_lead_to_what_steers() -> None:
    """The names alone, whatever stands in the files."""
    assert all(map(configures, ("conftest.py", "pyproject.toml", "setup.cfg", "CLAUDE.md", ".gitattributes", "a.pth")))
    assert not any(map(configures, ("a.py", "README.md", "json.py")))
    assert all(map(steers, ("tests/conftest.py", "tox.ini", "a.pyc")))
    assert not any(map(steers, ("pyproject.toml", "CLAUDE.md")))
