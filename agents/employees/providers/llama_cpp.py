"""The embedded real model as employees. Its pass rates are measured with the same settings as its runs."""

from collections.abc import Mapping
from uuid import UUID

from agents.employees.prompts import Style
from agents.employees.providers.llama_cpp_server import MODEL_NAME, model_digest, runtime_version
from agents.employees.providers.openai import OpenAIEmployee

TEMPERATURE = 0.8
OUTPUT_TOKENS_MAX = 128
FEEDBACK_MAX = 0  # feedback confuses such a small model, so each attempt is independent
STOPS: Mapping[Style, tuple[str, ...]] = {"chat": ("\n```\n",), "grammar": ()}
"""Free chat ends after its first code block, because the text after it is not needed."""


def embedded_employee(*, id: UUID, name: str, base_url: str, style: Style) -> OpenAIEmployee:
    """Return one employee on the server of `agents/employees/providers/llama_cpp_server.py`.

    The weights must be installed, because their digest is part of every snapshot.
    """
    return OpenAIEmployee(
        id=id,
        name=name,
        base_url=base_url,
        model=MODEL_NAME,
        style=style,
        model_digest=model_digest(),
        price="zero",
        temperature=TEMPERATURE,
        stop=STOPS[style],
        feedback_max=FEEDBACK_MAX,
        provider="llama.cpp",
        runtime=runtime_version(),
        may_decline=False,
        small=True,
    )
