"""The part of a hire that makes an employee a coding agent (`aura hire NAME --cli AGENT`)."""

import shlex
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from agents.cli_agents.flags import checked_flags
from agents.cli_agents.library import shipped
from agents.cli_agents.template import AgentTemplate, Wire
from agents.employees.posting import AgentTerms, Posting
from director.services.hire_options import Hiring, posting_of
from domain.errors import Invalid, NotFound

AGENT_OUTPUT_TOKENS_MAX = 8192
AGENT_PROMPT_TOKENS_MAX = 100_000
"""Default limit of a prompt, for the upper bound of a call. The first prompts of agents have up to 25,000 tokens."""
AGENT_WALL_S = 600.0
OPENAI = "https://api.openai.com/v1"
"""Default address of an agent that speaks responses."""
PROVIDERS_OF: Mapping[Wire, str] = {
    "chat": "openai",
    "responses": "openai",
    "messages": "anthropic",
    "generateContent": "gemini",
}
"""Wire format of an agent -> the provider that offers it."""


def _terms(
    wanted: Hiring, present: Posting | None, known: Mapping[str, AgentTemplate]
) -> tuple[AgentTerms, AgentTemplate] | None:
    """Return the agent that the options describe, and its template. None: the employee is not an agent.

    Raises NotFound for an unknown agent, and Invalid for flags that cannot be used.
    """
    before = present.agent if present is not None else None
    name = wanted.cli or (before.name if before is not None else "")
    if not name:
        if wanted.cli_flags:
            raise Invalid(
                "--cli-flags was given, but this employee is not a coding agent.",
                hint="Add --cli AGENT, for example --cli claude.",
            )
        return None
    template = known.get(name)
    if template is None:
        raise NotFound(
            f"There is no coding agent {name[:60]!r}.",
            hint=f"The known agents are: {', '.join(sorted(known))}.",
            code="agent_template",
        )
    flags: Sequence[str] = before.flags if before is not None and before.name == name else ()
    if wanted.cli_flags is not None:
        flags = _flags(template, wanted.cli_flags)
    return AgentTerms(
        name=name, digest=template.digest, packages=template.packages(), flags=checked_flags(template, flags)
    ), template


def _as_session(wanted: Hiring, template: AgentTemplate, present: Posting | None) -> Hiring:
    """Return the options with what every coding agent needs: its wire format, and sessions.

    Raises Invalid for an option that contradicts it.
    """
    provider = PROVIDERS_OF[template.wire]
    api = "responses" if template.wire == "responses" else "chat"
    stated = {
        "--script": (wanted.script, None),
        "--style": (wanted.style, "chat"),
        "--provider": (wanted.provider, provider),
        "--api": (wanted.api, api),
        "--no-session": ("--no-session" if wanted.session is False else None, None),
    }
    for option, (value, needed) in stated.items():
        if value is not None and value != needed:
            raise Invalid(
                f"{template.name} speaks {template.wire} and works in sessions: {option} does not fit.",
                hint=f"Leave {option} out." if needed is None else f"Leave {option} out, or write {option} {needed}.",
            )
    first = present is None or present.agent is None
    return replace(
        wanted,
        provider=provider,
        base_url=wanted.base_url or (OPENAI if first and api == "responses" else None),
        api=api if provider == "openai" else None,
        session=True,
        output_tokens=wanted.output_tokens or (AGENT_OUTPUT_TOKENS_MAX if first else None),
        prompt_tokens=wanted.prompt_tokens or (AGENT_PROMPT_TOKENS_MAX if first else None),
        wall_s=wanted.wall_s or (AGENT_WALL_S if first else None),
    )


def _flags(template: AgentTemplate, text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise Invalid(
            f"The flags for {template.name} cannot be split into words: {error}.",
            hint="Close each quote, and write the flags as one text: --cli-flags 'FLAG VALUE'",
        ) from error


def posting_of_hire(
    wanted: Hiring, present: Posting | None = None, *, known: Mapping[str, AgentTemplate] | None = None
) -> Posting:
    """Return the posting that the options of a hire describe, with its coding agent. `known`: None for those shipped.

    Raises Invalid if an option is missing or not valid, and NotFound for an unknown agent or script.
    """
    agent = _terms(wanted, present, shipped() if known is None else known)
    if agent is None:
        return posting_of(wanted, present)
    terms, template = agent
    return replace(posting_of(_as_session(wanted, template, present), present), agent=terms)
