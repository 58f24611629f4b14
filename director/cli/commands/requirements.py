"""init, check, submit, judge: requirement files and what is made of them."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from director.cli.commands.options import Degraded, Html, Json


class Form(StrEnum):
    """The forms of a verdict's answer."""

    text = "text"
    json = "json"
    junit = "junit"
    sarif = "sarif"
    github = "github"


File = Annotated[Path, typer.Argument(metavar="FILE", help="A requirement: NAME.md, with NAME.sealed.yaml beside it.")]


def register(app: typer.Typer) -> None:
    app.command()(init)
    app.command()(check)
    app.command()(submit)
    app.command()(judge)


def init(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write, for example slug.md.")],
    as_json: Json = False,
    deliver: Annotated[str, typer.Option(help="library or cli")] = "library",
) -> None:
    """Write a requirement to fill in; a file of prose alone gets the parts that are missing."""
    from director.terminal.output import Door

    door = Door("init", as_json)

    async def work() -> None:
        from director.services.requirements import write_template

        written = write_template(file, deliver)
        names = ", ".join(map(str, written))
        door.answer({"files": [str(path) for path in written]}, f"Wrote {names}.\nFill it in, then: aura check {file}")

    door.run(work())


def check(
    file: File,
    as_json: Json = False,
    static: Annotated[bool, typer.Option("--static", help="Run nothing: read the files and the base alone.")] = False,
) -> None:
    """Find what is wrong in a requirement file and its base: every problem with line, column and remedy."""
    from director.terminal.output import Door

    door = Door("check", as_json)

    async def work() -> None:
        from director.services.base_check import base_beside, tried_on_base
        from director.services.requirements import check_data, check_text
        from director.settings import Settings
        from verification.base_check import BaseDisagrees
        from verification.requirements.parser import read_requirement
        from verification.requirements.problems import RequirementInvalid

        try:
            requirement = read_requirement(file)
            base = base_beside(requirement, file, file.absolute().parent)
            tried = await tried_on_base(
                requirement, None if static else base, Settings(), required=False, say=door.note
            )
            tried.agree()
        except (RequirementInvalid, BaseDisagrees) as error:
            door.fail(error, {"problems": error.problems})
        text = f"{file} can be submitted.\n{check_text(requirement, base, tried.seen)}"
        door.answer(check_data(requirement, base, tried.seen), text)

    door.run(work())


def submit(
    file: File,
    as_json: Json = False,
    wait: Annotated[bool, typer.Option("--wait", help="Stay until it is delivered or has ended.")] = False,
    repo: Annotated[str | None, typer.Option(metavar="PATH", help="Start from this repository: base.repo.")] = None,
    ref: Annotated[str, typer.Option(help="The branch, tag or commit of --repo.")] = "HEAD",
    attempts: Annotated[int, typer.Option(min=1, max=100, help="Attempts per task.")] = 6,
    allow_degraded: Degraded = False,
) -> None:
    """Hand in a requirement."""
    from director.settings import Settings
    from director.terminal.output import Door

    door = Door("submit", as_json, when_interrupted="Nothing was handed in.")

    async def work() -> None:
        from director.cli.submission import Submission

        settings = Settings()
        request = Submission(file, repo, ref, attempts, allow_degraded or settings.allow_degraded)
        await request.send(settings, door, wait=wait)

    door.run(work())


def judge(
    file: File,
    folder: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="The tree to judge.")] = None,
    as_json: Json = False,
    form: Annotated[
        Form, typer.Option("--format", help="Of the answer; junit, sarif and github say what an author may be told.")
    ] = Form.text,
    repo: Annotated[str | None, typer.Option(metavar="PATH", help="Judge a commit of this repository.")] = None,
    ref: Annotated[str, typer.Option(help="The branch, tag or commit of --repo.")] = "HEAD",
    base_ref: Annotated[
        str | None, typer.Option(metavar="REF", help="What the commit is compared with: where both last agree.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="The seed of everything that is drawn at random; without it, a new one is drawn.")
    ] = None,
    allow_degraded: Degraded = False,
    html: Html = None,
    attest: Annotated[
        Path | None, typer.Option("--attest", metavar="FILE", help="Write the verdict as a signed statement (in-toto).")
    ] = None,
    key: Annotated[
        Path | None, typer.Option("--key", metavar="KEY", help="Sign with this key (Ed25519, PEM), not the home's.")
    ] = None,
) -> None:
    """Run the whole verdict pipeline on a tree, without servers. Exit 0: verified, 1: rejected."""
    from director.cli.judging import judge_door
    from director.settings import Settings

    door = judge_door(form.value, as_json=as_json)

    async def work() -> None:
        from director.cli.judging import JudgeOutput, judge_and_show
        from director.services.judge import JudgeRequest
        from director.services.judged_source import Source

        settings = Settings()
        request = JudgeRequest(
            source=Source(file=file, folder=folder, repo=repo, ref=ref, base_ref=base_ref),
            seed=seed,
            allow_degraded=allow_degraded or settings.allow_degraded,
            attest=attest is not None,
            key=key,
        )
        await judge_and_show(request, settings, door, JudgeOutput(format=form.value, html=html, attest=attest))

    door.run(work())
