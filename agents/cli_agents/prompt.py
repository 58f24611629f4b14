"""The prompt of a coding agent: the same task and rules as in other sessions, for a program with tools of its own."""

from agents.briefs.brief import Brief
from agents.briefs.fence import Fence
from agents.sessions.prompt import RULES, first_messages

HOW = """You have your own tools in this sandbox. You reach only your model: do not search the web or install packages.
- Work in the current folder. Nobody answers questions: decide yourself, and say what you assumed.
- `aura-check` is a program in this sandbox. It judges a copy of your work against the cases that you see.
- The work is handed in when your program ends. Nothing has to be committed: the files count as they are.
- Files that you made to try something out should not stay in the project.
- If the task cannot be done, change nothing and say why."""


def agent_prompt(brief: Brief, fence: Fence) -> str:
    """Return the whole prompt as one text."""
    rules = RULES.format(rule=fence.rule)
    task = first_messages(brief, fence, native=True)[1].text
    return f"{rules}\n\n{HOW}\n\n{task}\n"
