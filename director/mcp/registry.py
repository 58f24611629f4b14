"""The table of tools. The list that clients see, the tests and the table in docs/mcp.md are made from it."""

from decimal import Decimal
from uuid import UUID

from director.mcp import acting, answers, arguments, reading, waiting
from director.mcp.tool import Tool
from domain.message import Command
from domain.money import Amount
from domain.organisation_messages import Halt, Pause
from domain.run_act_messages import Comment, ReturnWithComments, TaskComment
from domain.run_messages import Allowance, Approve, End, Submit

_NIL = UUID(int=0)
_SUBMIT = Submit(
    id=_NIL,
    at=0,
    run=_NIL,
    title="",
    requirement="",
    sealed=None,
    allowance=Allowance(amount=Amount(Decimal(0), 0), minutes=0),
    plan=(),
    attempts_max=1,
)
_APPROVE: Command = Approve(id=_NIL, at=0, run=_NIL)
_COMMENT: Command = Comment(id=_NIL, at=0, run=_NIL, comment=TaskComment(task=None, text=""))
_RETURN: Command = ReturnWithComments(id=_NIL, at=0, run=_NIL, commit="", comments=())
_DECLINE = End(id=_NIL, at=0, run=_NIL, outcome="declined", reason="")
_CANCEL = End(id=_NIL, at=0, run=_NIL, outcome="cancelled", reason="")

TOOLS: tuple[Tool, ...] = (
    Tool(
        name="status",
        title="Status of the organisation",
        says="Is the organisation working, paused or halted? Which runs wait for a person, and as whom do you act?",
        arguments=arguments.Arguments,
        answer=answers.Status,
        work=reading.status,
    ),
    Tool(
        name="inbox",
        title="Inbox",
        says="List what needs a person: deliveries, severe incidents, held-up runs, appeals, and caps with a warning.",
        arguments=arguments.Arguments,
        answer=answers.Inbox,
        work=reading.inbox,
    ),
    Tool(
        name="runs",
        title="Runs",
        says="List the runs, the newest first.",
        arguments=arguments.Page,
        answer=answers.Runs,
        work=reading.runs,
    ),
    Tool(
        name="run_story",
        title="Story of a run",
        says="Show a run: its tasks, why it waits, its estimate, and its events in words.",
        arguments=arguments.RunPage,
        answer=answers.RunStory,
        work=reading.run_story,
    ),
    Tool(
        name="wait",
        title="Wait for a run",
        says="Wait until a run has ended or needs a person. It reports progress. Call it again if `rests` is false.",
        arguments=arguments.Waiting,
        answer=answers.RunNow,
        work=waiting.wait,
    ),
    Tool(
        name="diff",
        title="Diff of a run",
        says="Show the verified changes of a run as a unified diff. Long diffs come in parts.",
        arguments=arguments.DiffPage,
        answer=answers.Diff,
        work=reading.diff,
    ),
    Tool(
        name="verdict",
        title="Verdict of a run",
        says="Show the last verdict of a run: criteria, gates, findings, and the reasons of a rejection.",
        arguments=arguments.OneRun,
        answer=answers.VerdictAnswer,
        work=reading.verdict,
    ),
    Tool(
        name="costs",
        title="Costs",
        says="Show the recorded costs in groups: by run, employee, model, provider, account, day or label.",
        arguments=arguments.Costs,
        answer=answers.CostsAnswer,
        work=reading.costs,
    ),
    Tool(
        name="why",
        title="Causes of an event",
        says="Explain an event or the last assignment of a task: causes, effects, and the choice of an employee.",
        arguments=arguments.Why,
        answer=answers.WhyAnswer,
        work=reading.why,
    ),
    Tool(
        name="events",
        title="Events of the log",
        says="List the events of the log with their payloads, the oldest first.",
        arguments=arguments.Events,
        answer=answers.EventsAnswer,
        work=reading.events,
    ),
    Tool(
        name="estimate",
        title="Check and estimate a requirement",
        says="Check a requirement, name weak criteria, and estimate cost and time of its run. Nothing is submitted.",
        arguments=arguments.Requirement,
        answer=answers.EstimateAnswer,
        work=acting.estimate,
    ),
    Tool(
        name="judge",
        title="Judge files",
        says="Judge files, or a folder at stdio, against a requirement, in a sandbox. Nothing is recorded.",
        arguments=arguments.Judging,
        answer=answers.VerdictAnswer,
        work=acting.judge,
        needs=_SUBMIT,
        guarded=True,
        open_world=True,
    ),
    Tool(
        name="submit",
        title="Submit a requirement",
        says="Submit a requirement: a run begins and spends money. Without a new key, the same text is the same run.",
        arguments=arguments.Submission,
        answer=answers.Done,
        work=acting.submit,
        needs=_SUBMIT,
        open_world=True,
    ),
    Tool(
        name="comment",
        title="Comment on a run",
        says="Comment on a run that is not approved yet, or on one of its tasks. Later attempts see the comment.",
        arguments=arguments.Comment,
        answer=answers.Done,
        work=acting.comment,
        needs=_COMMENT,
    ),
    Tool(
        name="return_delivery",
        title="Return a delivery",
        says="Send the delivery with this commit back to work, with comments, within its budget.",
        arguments=arguments.Return,
        answer=answers.Done,
        work=acting.return_delivery,
        needs=_RETURN,
    ),
    Tool(
        name="approve",
        title="Approve a delivery",
        says="Approve the delivery with this commit. Ask the person first. Nobody approves their own request.",
        arguments=arguments.Approval,
        answer=answers.Done,
        work=acting.approve,
        needs=_APPROVE,
    ),
    Tool(
        name="reject",
        title="Reject a delivery",
        says="Decline a delivery. Its run ends, and its work is not used.",
        arguments=arguments.RunReason,
        answer=answers.Done,
        work=acting.reject,
        needs=_DECLINE,
        destructive=True,
    ),
    Tool(
        name="cancel",
        title="Cancel a run",
        says="Cancel a run that has not ended. Its open work is lost.",
        arguments=arguments.RunReason,
        answer=answers.Done,
        work=acting.cancel,
        needs=_CANCEL,
        destructive=True,
    ),
    Tool(
        name="pause",
        title="Pause the organisation",
        says="Pause the organisation: no new work begins. A director lets it go on at another door.",
        arguments=arguments.OrganisationReason,
        answer=answers.Done,
        work=acting.pause,
        needs=Pause(id=_NIL, at=0, reason=""),
    ),
    Tool(
        name="halt",
        title="Halt the organisation",
        says="Halt the organisation at once: all work stops. A director lets it go on at another door.",
        arguments=arguments.OrganisationReason,
        answer=answers.Done,
        work=acting.halt,
        needs=Halt(id=_NIL, at=0, reason=""),
        destructive=True,
    ),
)
BY_NAME = {tool.name: tool for tool in TOOLS}


def tools_table() -> str:
    """Return the table of tools for docs/mcp.md."""
    lines = ["| tool | what it does | a token needs |", "| --- | --- | --- |"]
    for tool in TOOLS:
        lines.append(f"| `{tool.name}` | {tool.says} | {' or '.join(f'`{scope}`' for scope in tool.scopes())} |")
    return "\n".join(lines)
