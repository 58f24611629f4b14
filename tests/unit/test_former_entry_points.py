"""Programs that release 0.1.0 installed or started still find their entry points under the old names."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WAIT_S = 60
SCRIPT = "import sys\nfrom director.cli import main\nsys.argv = ['aura', {argument!r}]\nsys.exit(main())\n"
"""The text that pip wrote to .venv/bin/aura for the entry point `director.cli:main`."""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=WAIT_S, check=False
    )


def test_the_script_of_an_older_environment_runs_the_command_line() -> None:
    done = run("-c", SCRIPT.format(argument="--help"))
    assert done.returncode == 0, done.stderr
    assert "aura up" in done.stdout


def test_its_exit_code_is_that_of_the_command() -> None:
    assert run("-c", SCRIPT.format(argument="no-such-command")).returncode == 2


@pytest.mark.parametrize("module", ["agents.modelserver", "agents.employees.providers.llama_cpp_server"])
def test_the_model_server_is_started_by_both_names(module: str) -> None:
    done = run("-m", module, "--help")
    assert done.returncode == 0, done.stderr
    assert "--port" in done.stdout
