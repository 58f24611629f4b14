"""A coding agent at work in the box of a session. Its session ends in the same ways as a session of a model."""

from agents.cli_agents.agent_run import AgentResult, run_agent
from agents.cli_agents.command_line import AgentJob
from agents.employees.safe_text import one_line
from agents.gateway.gateway import Gateway
from agents.permits import ENDS_ATTEMPT, PermitRefused, TakenElsewhere
from agents.sessions.loop import SessionEnd
from agents.workers.gateway_permits import TAKEN_ELSEWHERE
from verification.sandbox.session_box import SessionBox

AGENT_FAILED = "agent_failed"
"""Outcome of an attempt whose agent ended with an error. Nothing is handed in."""
MESSAGE_CHARS_MAX = 600


class AgentSession:
    """The session of one coding agent. Its box is open, and has the files and folders of the agent."""

    def __init__(self, box: SessionBox, job: AgentJob, gateway: Gateway) -> None:
        self._box = box
        self._job = job
        self._gateway = gateway

    async def run(self) -> SessionEnd:
        """Run the agent to its end. Raises PermitRefused and TakenElsewhere if no further call is permitted."""
        try:
            return end_of(self._job.template.name, await run_agent(self._box, self._job, self._gateway))
        finally:
            await self._gateway.close()


def end_of(name: str, result: AgentResult) -> SessionEnd:
    """Return the end of the session of this agent.

    An agent whose time or budget is used up hands in its work as it is. Raises PermitRefused and TakenElsewhere.
    """
    if result.end == "not_permitted" and result.code not in ENDS_ATTEMPT:
        if result.code == TAKEN_ELSEWHERE:
            raise TakenElsewhere
        raise PermitRefused(result.code, result.why)
    if (result.end, result.exit_code) == ("exit", 0):
        return SessionEnd(outcome="answered")
    said = one_line(result.output[-MESSAGE_CHARS_MAX:], MESSAGE_CHARS_MAX)
    how = {
        "exit": f"{name} ended with exit status {result.exit_code}",
        "signal": f"{name} was ended by signal {result.signal}",
        "timeout": f"The time of {name} is over",
        "used_up": f"The budget of the attempt is used up, so {name} ended",
        "memory": f"{name} reached the memory limit",
        "file_limit": f"{name} reached the limit of files",
        "box_ended": f"The box of {name} ended: {result.why}",
    }.get(result.end, f"{name} could not work: {result.end} {result.why}".rstrip())
    outcomes = {
        "timeout": "lease_ended",
        "used_up": result.code,
        "not_permitted": result.code,
        "box_ended": "box_ended",
    }
    return SessionEnd(outcome=outcomes.get(result.end, AGENT_FAILED), message=f"{how}. Its last output: {said}")
