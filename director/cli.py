"""`aura`: the command line. Exit codes: docs/cli.md; every command takes --json."""

import os
import sys
from collections.abc import Sequence

import typer

from director.commands import law, log, requirements, runs, stack, staff
from director.door import Door
from domain.errors import AuraError, Invalid

HELP = """Aura Orchestra: an AI organisation under law.

A requirement goes in, verified software comes out, and every action is on a record that can be replayed.
Begin with `aura demo`, or `aura up`, `aura init my.md`, `aura submit my.md --wait`.
"""

app = typer.Typer(
    help=HELP, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
)
for module in (stack, requirements, runs, staff, law, log):
    module.register(app)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point: the exit code of the command."""
    import click

    arguments = list(sys.argv[1:] if argv is None else argv)
    door = Door(arguments[0] if arguments else "", "--json" in arguments)
    try:
        result = app(args=arguments, prog_name="aura", standalone_mode=False)
    except SystemExit as left:
        return _code(left)
    except click.exceptions.Exit as left:
        return left.exit_code
    except click.ClickException as error:
        hint = f"`aura {arguments[0]} --help` shows how." if arguments else "`aura --help` lists the commands."
        return _failed(door, Invalid(error.format_message(), hint=hint, code="usage"))
    except (click.Abort, KeyboardInterrupt):
        door.note("Interrupted.")
        return 130
    except AuraError as error:
        return _failed(door, error)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as defect:  # the edge of the process: a defect is said to be one, and shown whole on demand
        if os.environ.get("AURA_TRACEBACK"):
            raise
        text = f"{type(defect).__name__}: {defect}"
        return _failed(door, AuraError(f"This is a defect of aura: {text}", hint="AURA_TRACEBACK=1 shows where."))
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
