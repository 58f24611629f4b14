"""`aura`: the command line. Every command takes --json. The exit codes are listed in docs/cli.md."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.exceptions import TyperException

from bus import crash_dump
from director.cli.commands import (
    accounts,
    acts,
    agents,
    backtest,
    budget,
    careers,
    chat,
    doctor,
    hr,
    incidents,
    law,
    log,
    mcp,
    measure,
    money,
    notify,
    people,
    requirements,
    rerun,
    reviewers,
    routing,
    runs,
    sandbox,
    stack,
    staff,
    staff_file,
    verdicts,
    workers,
)
from director.cli.output import INTERRUPTED, Door
from director.terminal.system_errors import about_a_path
from domain.errors import AuraError, Invalid

HELP = """Aura Orchestra: an AI organisation under law.

A requirement goes in, verified software comes out, and every action is on a record that can be replayed.
Begin with `aura demo`; or with `aura up`, `aura init my.md`, `aura submit my.md --wait`.
"""

USAGE_HINT = "`aura --help` lists the commands, and `aura COMMAND --help` explains one of them."

app = typer.Typer(
    help=HELP,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
MODULES = (
    stack,
    doctor,
    requirements,
    backtest,
    runs,
    acts,
    chat,
    rerun,
    verdicts,
    staff,
    careers,
    staff_file,
    accounts,
    hr,
    reviewers,
    routing,
    money,
    budget,
    law,
    people,
    mcp,
    notify,
    incidents,
    log,
    sandbox,
    workers,
    agents,
    measure,
)
for module in MODULES:
    module.register(app)


def show_version(wanted: bool) -> None:
    """Print the versions of Aura and Python, and exit."""
    if wanted:
        import platform
        from importlib.metadata import version

        print(f"aura {version('aura-orchestra')}, Python {platform.python_version()}")
        raise typer.Exit


@app.callback()
def aura(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, help="Show the version and exit.", callback=show_version)
    ] = False,
) -> None:
    """Handle the options that come before the name of a command."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status. This is the entry point."""
    if argv is None:  # the command is the whole process
        crash_dump.tell()
    arguments = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    command = next((argument for argument in arguments if not argument.startswith("-")), "")
    door = Door(command, "--json" in arguments)
    try:
        result = app(args=arguments, prog_name="aura", standalone_mode=False)
    except SystemExit as left:
        return _code(left)
    except typer.Exit as left:
        return left.exit_code
    except TyperException as error:
        return _failed(door, Invalid(error.format_message(), hint=USAGE_HINT, code="usage"))
    except (typer.Abort, KeyboardInterrupt):
        door.note("Interrupted.")
        return INTERRUPTED
    except AuraError as error:
        return _failed(door, error)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as defect:  # the last handler of the process: it reports a defect of aura
        if os.environ.get("AURA_TRACEBACK"):
            raise
        known = about_a_path(defect)
        if known is not None:
            return _failed(door, known)
        text = f"{type(defect).__name__}: {defect}"
        return _failed(
            door,
            AuraError(
                f"This is a defect of aura: {text}", hint="To see its traceback: AURA_TRACEBACK=1", code="defect"
            ),
        )
    return result if isinstance(result, int) else 0


def _failed(door: Door, error: AuraError) -> int:
    try:
        door.fail(error)
    except SystemExit as left:
        return _code(left)


def _code(left: SystemExit) -> int:
    return left.code if isinstance(left.code, int) else 1


if __name__ == "__main__":
    sys.exit(main())
