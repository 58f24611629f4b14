"""The embedded real model as employees. Its pass rates are measured with the same settings as its runs."""

from collections.abc import Mapping
from uuid import UUID

from agents.employees.model_employee import ModelEmployee, Prompting
from agents.employees.prompts import Style
from agents.employees.providers.llama_cpp_server import MODEL_NAME, model_digest, runtime_version
from agents.employees.providers.openai import OpenAIModel

TEMPERATURE = 0.8
OUTPUT_TOKENS_MAX = 128
FEEDBACK_MAX = 0  # feedback confuses such a small model, so each attempt is independent
STOPS: Mapping[Style, tuple[str, ...]] = {"chat": ("\n```\n",), "grammar": ()}
"""Free chat ends after its first code block, because the text after it is not needed."""


class EmbeddedModel(OpenAIModel):
    """The small model on the server of `agents/employees/providers/llama_cpp_server.py`."""

    provider = "llama.cpp"
    has_tools = False  # the server accepts tools, but this model never calls one


def embedded_employee(*, id: UUID, name: str, base_url: str, style: Style) -> ModelEmployee:
    """Return one employee on the embedded server.

    The weights must be installed, because their digest is part of every snapshot.
    """
    model = EmbeddedModel(
        base_url=base_url, model=MODEL_NAME, price="zero", model_digest=model_digest(), runtime=runtime_version()
    )
    return ModelEmployee(id=id, name=name, model=model, prompting=prompting_of(style))


def prompting_of(style: Style) -> Prompting:
    """Return the way in which a tiny model is asked: a short prompt, which does not explain how to decline."""
    return Prompting(
        style=style,
        temperature=TEMPERATURE,
        stop=STOPS[style],
        feedback_max=FEEDBACK_MAX,
        may_decline=False,
        small=True,
    )
