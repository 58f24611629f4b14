"""An employee that is a coding agent: its model is on a server, and its program works in the box of a session."""

from collections.abc import Callable, Mapping
from pathlib import Path
from uuid import UUID

from agents.briefs.fence import Fence
from agents.cli_agents.command_line import AgentJob
from agents.cli_agents.flags import checked_flags
from agents.cli_agents.library import template_named
from agents.cli_agents.prompt import agent_prompt
from agents.cli_agents.template import AgentTemplate
from agents.cli_agents.toolbox import find_toolbox
from agents.employees.call_errors import CallFailed
from agents.employees.contract import Answer, Employee, ModelResult, Order
from agents.employees.posting import AgentTerms, Posting
from agents.employees.postings import key_of
from agents.employees.providers.table import provider_named
from agents.gateway.contract import Upstream
from domain.errors import AuraError, Conflict

Build = Callable[[Posting, Mapping[str, str]], Employee]
EMPLOYEES = "employees"
"""Folder of the home with the postings, and with a user's own templates."""


class AgentEmployee:
    """A coding agent before a model. `model`: the employee that reaches the same model without the agent."""

    def __init__(self, model: Employee, posting: Posting, terms: AgentTerms, key: str, home: Path) -> None:
        self._model = model
        self._posting = posting
        self._terms = terms
        self._key = key
        self._home = home

    @property
    def id(self) -> UUID:
        return self._model.id

    @property
    def name(self) -> str:
        return self._model.name

    @property
    def provider(self) -> str:
        return self._model.provider

    @property
    def scripted(self) -> bool:
        return self._model.scripted

    def describe(self) -> Mapping[str, str]:
        return {**self._model.describe(), **self._terms.parameters()}

    async def work(self, order: Order) -> Answer:
        """Refuse: a coding agent cannot answer with one call."""
        del order
        raise CallFailed("bad_settings", f"{self.name} is the coding agent {self._terms.name}: it works in sessions.")

    async def probe(self) -> ModelResult:
        """Check that the program is installed, and make one small call without the agent. Raises CallFailed."""
        return await self.with_program().probe()

    def with_program(self) -> Employee:
        """Return the employee that reaches the model without the agent.

        :raises CallFailed: bad_settings, if the agent's program is not installed.
        """
        try:
            self._program()
        except AuraError as error:
            raise CallFailed("bad_settings", str(error)) from error
        return self._model

    async def close(self) -> None:
        await self._model.close()

    def job(self, order: Order) -> AgentJob:
        """Return the work of one order.

        Raises NotFound if the program is not installed, and Conflict if the template is not the hired one.
        """
        template, toolbox = self._program()
        return AgentJob(
            template=template,
            toolbox=toolbox,
            model=self._posting.model,
            prompt=agent_prompt(order.brief, Fence(order.id)),
            flags=checked_flags(template, self._terms.flags),
            output_tokens_max=order.limits.output_tokens_max,
        )

    def upstream(self, order: Order) -> Upstream:
        """Return the hired model and its server, for the gateway of one order."""
        posting, (template, _) = self._posting, self._program()
        return Upstream(
            provider=provider_named(posting.kind).shown,
            base_url=posting.base_url,
            model=posting.model,
            wires=frozenset({template.wire_name}),
            output_tokens_max=order.limits.output_tokens_max,
            wall_s=order.limits.wall_s,
            price=posting.price_source,
            secret=self._key or None,
        )

    def _program(self) -> tuple[AgentTemplate, Path]:
        template = template_named(self._terms.name, self._home / EMPLOYEES)
        if template.digest != self._terms.digest:
            raise Conflict(
                f"The template of {self._terms.name} has changed since {self.name} was hired.",
                hint=f"Run `aura hire {self.name} --update`: it gives the employee a new version.",
                code="agent_template",
            )
        return template, find_toolbox(self._home, template)


def with_agents(build: Build, home: Path) -> Build:
    """Return a function that builds employees as `build` does, and coding agents whose programs are in this home."""

    def built(posting: Posting, environment: Mapping[str, str]) -> Employee:
        model = build(posting, environment)
        if posting.agent is None:
            return model
        return AgentEmployee(model, posting, posting.agent, key_of(posting, environment), home)

    return built
