"""The command line of a coding agent in its box: the template with all its values."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from agents.cli_agents.acp import client_words
from agents.cli_agents.template import AgentTemplate, filled, places
from agents.gateway.box_channel import PORT, RelayOrder
from domain.errors import Invalid, LimitReached
from verification.sandbox.base import PROGRAMS

TOOLBOX = "/aura/agent"
"""Folder of the agent's program in the box."""
HOME = "/tmp/home"
PROMPT_FILE = "/aura/prompt.md"
GATEWAY = f"http://127.0.0.1:{PORT}"
ARGUMENT_BYTES_MAX = 120 * 1024
"""Size limit of a prompt that is an argument. Linux permits 128 KiB for one argument."""
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,199}")
_ENVIRONMENT = {
    "HOME": HOME,
    "XDG_CONFIG_HOME": f"{HOME}/.config",
    "XDG_DATA_HOME": f"{HOME}/.local/share",
    "XDG_CACHE_HOME": f"{HOME}/.cache",
    "NO_COLOR": "1",
    "CI": "1",
    "DO_NOT_TRACK": "1",
    "PATH": f"{TOOLBOX}/bin:{PROGRAMS}:/usr/bin:/bin",
    "PYTHONDONTWRITEBYTECODE": "1",
}


class AgentJob(msgspec.Struct, frozen=True, kw_only=True):
    """The work of one coding agent. `toolbox`: the folder with its program on this machine. `flags`: of the user."""

    template: AgentTemplate
    toolbox: Path
    model: str
    prompt: str
    flags: tuple[str, ...] = ()
    output_tokens_max: int = 8192


def relay_order(job: AgentJob) -> RelayOrder:
    """Return the order for the relay that starts the agent.

    Raises Invalid for a model name that cannot be on a command line, and LimitReached for a prompt that is too long.
    """
    template = job.template
    if not _MODEL.fullmatch(job.model):
        raise Invalid(
            f"{job.model[:80]!r} cannot be the model of a coding agent.",
            hint="Give the model's name as the provider writes it: letters, digits and . _ : / @ + -",
        )
    if template.prompt == "argument" and len(job.prompt.encode()) > ARGUMENT_BYTES_MAX:
        raise LimitReached(
            f"The prompt has {len(job.prompt.encode())} bytes; {template.name} takes {ARGUMENT_BYTES_MAX}.",
            hint="Split the task, or use an agent that reads its prompt from a file.",
        )
    values = _values(job)
    words = _words(template.argv, values, job.flags)
    return RelayOrder(
        run=client_words(PROMPT_FILE, words) if template.prompt == "acp" else tuple(words),
        env=_ENVIRONMENT | {name: filled(text, values) for name, text in template.env.items()},
        files={filled(path, values): filled(text, values) for path, text in template.files.items()},
        stdin=PROMPT_FILE if template.prompt == "stdin" else "",
    )


def _values(job: AgentJob) -> dict[str, str]:
    return {
        "model": job.model,
        "gateway": GATEWAY,
        "prompt_file": PROMPT_FILE,
        "home": HOME,
        "toolbox": TOOLBOX,
        "output_tokens": str(job.output_tokens_max),
        "prompt": job.prompt,
        **places(),
    }


def _words(argv: Sequence[str], values: Mapping[str, str], flags: Sequence[str]) -> list[str]:
    words: list[str] = []
    for word in argv:
        words += flags if word == "{flags}" else [filled(word, values)]
    return words
