"""The first messages of a session."""

from agents.briefs.brief import Brief
from agents.briefs.fence import Fence
from agents.employees.conversation import Message
from agents.sessions.given_tests import TESTS

FEEDBACK_MAX = 8  # earlier rejections that the prompt shows, newest last
RULES = """You are a careful software engineer. You work alone in a copy of a project, in a sandbox without network.
You look at the project, change files, run programs and tests, and hand in your work when it is complete.

Rules:
- Change only paths in your scope. A change outside the scope is dropped before your work is judged.
- Your work is judged by cases that you see and by cases that you do not see. Do what the criteria say.
- Do not write code that detects how it is tested. Do not change tests or test settings outside your scope.
{rule}
- The number of your calls, your time and your budget are limited."""
NATIVE = (
    "Work with the tools. Call `submit` when the work is complete, or `decline` with a reason if it cannot be done."
)
FENCED = """Answer with a short thought and exactly one command, between a line ```sh and a line ```.
You then see the output of the command. Besides the programs of the shell there are these commands:
- aura-check: judge a copy of your work against the visible cases
- aura-submit: hand in your work
- aura-decline REASON: the task cannot be done
To write a file, use a here-document: cat > path/file.py <<'END_OF_FILE'"""


IN_FOLDER = f"""The tests are in {TESTS}, at their paths in the project. The project may have an older version of them.
Read them first. To run them in the project: cp -R {TESTS}/. . The copies are not part of your work."""


COMMENTS = "People who read earlier work on this task ask for this, within the requirement and your scope:\n"


def first_messages(brief: Brief, fence: Fence, *, native: bool) -> tuple[Message, ...]:
    """Return the system message with the rules, and the message with the task."""
    rules = RULES.format(rule=fence.rule)
    return (
        Message(role="system", text=f"{rules}\n\n{NATIVE if native else FENCED}"),
        Message(role="user", text="\n\n".join(filter(None, _task(brief, fence)))),
    )


def _task(brief: Brief, fence: Fence) -> list[str]:
    scope = "\n".join(f"- {path}" for path in brief.paths)
    criteria = "\n\n".join("\n".join([f"{each.id}: {each.says.strip()}", *each.examples]) for each in brief.criteria)
    definitions = "Needed definitions: " + ", ".join(f"`{signature}`" for signature in brief.signatures)
    feedback = "\n".join(f"- {line}" for line in brief.feedback[-FEEDBACK_MAX:])
    return [
        f"Your task is {brief.task} of a project.",
        brief.instructions,
        fence.data("the requirement", "\n".join(filter(None, [f"Project: {brief.title}", brief.prose]))),
        "Your work must fulfil these criteria:\n" + fence.data("criteria and visible examples", criteria),
        fence.data("definitions", definitions) if brief.signatures else "",
        "These tests must pass. You must not change them:\n" + fence.data("paths", "\n".join(brief.suites))
        if brief.suites
        else "",
        IN_FOLDER if brief.suites else "",
        f"Your scope, as path patterns:\n{scope}",
        COMMENTS + fence.data("comments", "\n\n".join(brief.comments)) if brief.comments else "",
        "An earlier attempt was rejected for these reasons:\n" + fence.data("findings", feedback) if feedback else "",
    ]
