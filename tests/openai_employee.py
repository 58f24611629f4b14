"""An employee on an OpenAI-compatible server, for tests."""

from typing import Any
from uuid import UUID

from agents.employees.model_employee import ModelEmployee, Prompting
from agents.employees.providers.openai import OpenAIModel


def openai_employee(*, id: UUID, name: str, **settings: Any) -> ModelEmployee:
    """Return the employee. `settings`: of its model, and of the way to ask it."""
    prompting = {key: settings.pop(key) for key in list(settings) if key in Prompting.__struct_fields__}
    return ModelEmployee(id=id, name=name, model=OpenAIModel(**settings), prompting=Prompting(**prompting))
