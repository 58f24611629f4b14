"""The embedded real model as two employees: the settings of its measured pass rates and of its runs."""

from collections.abc import Mapping
from uuid import UUID

from agents.employees.prompts import Style
from agents.employees.providers.llama_cpp_server import MODEL_NAME, model_digest, runtime_version
from agents.employees.providers.openai import OpenAIEmployee

TEMPERATURE = 0.8
OUTPUT_TOKENS_MAX = 128
FEEDBACK_MAX = 0  # a model this small is confused by reasons: each attempt is drawn afresh
STOPS: Mapping[Style, tuple[str, ...]] = {"chat": ("\n```\n",), "grammar": ()}
"""Free chat ends with its first code block; what follows is only talk."""


def embedded_employee(*, id: UUID, name: str, base_url: str, style: Style) -> OpenAIEmployee:
    """One employee on the server of `agents/employees/providers/llama_cpp_server.py`.

    Needs the weights: their digest is part of every snapshot.
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
