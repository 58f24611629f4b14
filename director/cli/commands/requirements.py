"""The commands init, check, schema, submit and judge, which read or write requirement files."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from director.cli.commands.command import command
from director.cli.commands.options import Degraded, Html, ShareSecrets
from director.cli.output import Door

if TYPE_CHECKING:
    from uuid import UUID

    from director.settings import Settings
    from domain.estimate import Estimate


class Form(StrEnum):
    """The formats of a verdict."""

    text = "text"
    json = "json"
    junit = "junit"
    sarif = "sarif"
    github = "github"


class Part(StrEnum):
    """The parts of a requirement that have their own schema."""

    whole = "whole"
    front = "front"
    acceptance = "acceptance"
    sealed = "sealed"


File = Annotated[
    Path, typer.Argument(metavar="FILE", help="A requirement: NAME.md, with NAME.sealed.yaml in the same folder.")
]


def register(app: typer.Typer) -> None:
    for function in (init, check, schema, submit, judge):
        app.command()(function)


@command("init")
async def init(
    door: Door,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write, for example slug.md.")],
    kind: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="KIND", help="A template for this kind of work: bugfix, feature, endpoint or cli."
        ),
    ] = None,
    example: Annotated[
        bool, typer.Option("--example", help="Write a complete requirement that the embedded model can meet.")
    ] = False,
    deliver: Annotated[str | None, typer.Option(help="library (the default) or cli")] = None,
) -> None:
    """Write a requirement to fill in. If the file exists and has only prose, the missing parts are added."""
    from director.services import requirements
    from domain.errors import Invalid

    if sum((kind is not None, example, deliver is not None)) > 1:
        raise Invalid("--from, --example and --deliver cannot be used together.", hint="Use only one of them.")
    if example:
        written = requirements.write_example(file)
    elif kind is not None:
        written = requirements.write_starting_point(file, kind)
    else:
        written = requirements.write_template(file, deliver or "library")
    left = requirements.placeholders_left(written)
    text = f"Wrote {', '.join(map(str, written))}.\n"
    text += (
        f"Replace the {left} placeholders; `aura check {file}` shows where they are."
        if left
        else (f"The requirement is complete. Next: aura check {file}, then aura up, then aura submit {file} --wait")
    )
    door.answer({"files": [str(path) for path in written], "placeholders": left}, text)


@command("check")
async def check(
    door: Door,
    settings: "Settings",
    file: File,
    static: Annotated[
        bool, typer.Option("--static", help="Only read the files and the base, and run no code.")
    ] = False,
    share_secrets: ShareSecrets = "",
) -> None:
    """Check a requirement file and its base. Every problem is shown with line, column and remedy."""
    import asyncio

    from director.services.base_check import base_beside, tried_on_base
    from director.services.base_secrets import consent_to
    from director.services.requirements import check_data, check_text
    from verification.requirements.parser import read_requirement
    from verification.requirements.unfilled import refuse_unfilled

    requirement = read_requirement(file)
    refuse_unfilled(requirement, file)
    base = base_beside(requirement, file, file.absolute().parent)
    consent = await asyncio.to_thread(consent_to, base, share_secrets)
    tried = await tried_on_base(requirement, None if static else base, settings, required=False, say=door.note)
    tried.agree()
    text = f"{file} can be submitted.\n{check_text(requirement, base, tried.seen, consent)}"
    door.answer(check_data(requirement, base, tried.seen, consent), text)


@command("schema")
async def schema(
    door: Door,
    part: Annotated[
        Part,
        typer.Argument(
            metavar="[PART]", help="front, acceptance or sealed. Without a PART, the schema accepts any of the three."
        ),
    ] = Part.whole,
) -> None:
    """Print the JSON schema of requirement files, for editors. It is made from the parser's own types."""
    import json

    from verification.requirements.schema import schema as schema_of

    made = schema_of("" if part is Part.whole else part.value)
    door.answer(made, json.dumps(made, indent=1))


@command("submit", interrupted="Nothing was submitted.")
async def submit(
    door: Door,
    settings: "Settings",
    file: File,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the run is delivered or has ended.")] = False,
    repo: Annotated[
        str | None, typer.Option(metavar="PATH", help="Use this repository as the base (base.repo).")
    ] = None,
    ref: Annotated[str, typer.Option(help="The branch, tag or commit of --repo.")] = "HEAD",
    attempts: Annotated[int, typer.Option(min=1, max=100, help="Attempts per task.")] = 6,
    employee: Annotated[
        list[str] | None,
        typer.Option("--employee", metavar="NAME", help="Only this employee may do the work. May be given repeatedly."),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE", help="A label of the run, for `aura costs --by label`. May be given repeatedly."
        ),
    ] = None,
    allow_degraded: Degraded = False,
    share_secrets: ShareSecrets = "",
) -> None:
    """Submit a requirement: a run begins."""
    from director.cli.following import follow
    from director.services.costs import labels_of
    from director.services.hand_in import HandIn, goes_on, hand_in, ready_to_hand_in
    from director.services.named_staff import named_staff
    from director.services.session import desk

    request = HandIn(
        file=file,
        repo=repo,
        ref=ref,
        attempts_max=attempts,
        allow_degraded=allow_degraded or settings.allow_degraded,
        share_secrets=share_secrets,
        employees=await named_staff(settings, employee or ()),
        labels=labels_of(label or ()),
    )
    ready = await ready_to_hand_in(request, settings, door.note)

    def handed_in(run: "UUID") -> None:
        door.when_interrupted = f"The run continues: `aura watch {run}` follows it."

    async with desk(settings) as opened:
        run = await hand_in(
            opened, ready, note=door.note, on_handed_in=handed_in, on_estimate=lambda made: _price(door, made)
        )
        if not wait:
            door.answer(run, f"Run {run.run}\nFollow it with: aura watch {run.run}")
            return
        with goes_on(run.run):
            await follow(opened, run.run, door)


def _price(door: Door, made: "Estimate | None") -> None:
    """Show the expected cost and time of a run before it is submitted."""
    from director.terminal.estimate_text import estimate_lines

    for line in estimate_lines(made):
        door.note(line)


def _judge_door(as_json: bool, options: Mapping[str, Any]) -> Door:
    """Return the door for one format of the answer."""
    from director.cli.judging import judge_door

    return judge_door(options["form"].value, as_json=as_json)


@command("judge", door=_judge_door)
async def judge(
    door: Door,
    settings: "Settings",
    file: File,
    folder: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="The tree to judge.")] = None,
    form: Annotated[
        Form,
        typer.Option(
            "--format", help="Format of the verdict. junit, sarif and github have only text that the author may see."
        ),
    ] = Form.text,
    repo: Annotated[str | None, typer.Option(metavar="PATH", help="Judge a commit of this repository.")] = None,
    ref: Annotated[str, typer.Option(help="The branch, tag or commit of --repo.")] = "HEAD",
    base_ref: Annotated[
        str | None,
        typer.Option(metavar="REF", help="Compare with the last commit that the judged commit and REF have in common."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The seed of all random choices (default: a new one).")] = None,
    allow_degraded: Degraded = False,
    html: Html = None,
    attest: Annotated[
        Path | None, typer.Option("--attest", metavar="FILE", help="Write the verdict as a signed statement (in-toto).")
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option("--key", metavar="KEY", help="Sign with this key (Ed25519, PEM) instead of the home's."),
    ] = None,
) -> None:
    """Judge a tree, without servers. The whole verdict pipeline runs. Exit 0: verified. Exit 1: rejected."""
    from director.cli.judging import JudgeOutput, judge_and_show
    from director.services.judge import JudgeRequest
    from director.services.judged_source import Source

    request = JudgeRequest(
        source=Source(file=file, folder=folder, repo=repo, ref=ref, base_ref=base_ref),
        seed=seed,
        allow_degraded=allow_degraded or settings.allow_degraded,
        attest=attest is not None,
        key=key,
    )
    await judge_and_show(request, settings, door, JudgeOutput(format=form.value, html=html, attest=attest))
