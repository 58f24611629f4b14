"""Facts about the model of an employee, from its server, at the hire: digest, context, tools."""

import os

from msgspec.structs import replace

from agents.employees.call_errors import CallFailed
from agents.employees.posting import Posting
from agents.employees.postings import secret_key_of
from agents.employees.providers.table import provider_named
from agents.employees.served_model import ServedModel
from director.services.hire_options import Hiring
from domain.errors import Invalid

SMALL_PARAMETERS = 400_000_000
"""A model with fewer parameters gets the shortest prompt: a longer one confuses it."""


async def with_facts(posting: Posting, wanted: Hiring, before: Posting | None = None) -> tuple[Posting, str]:
    """Return the posting with what its server says about the model, and a note if the server could not be asked.

    `before`: the employee's present posting. Raises Invalid if the server answers that it does not have the model.
    """
    provider = provider_named(posting.kind)
    if provider.ask is None:
        return posting, ""
    try:
        model = await provider.ask(posting, secret_key_of(posting, os.environ))
    except CallFailed as failure:
        if failure.failure == "unknown_model":
            raise Invalid(
                failure.message, hint="`aura hire --discover` lists models with their commands.", code="unknown_model"
            ) from None
        kept = "stays as it was" if posting.model_digest else "is not recorded, and no call can check it"
        return posting, (
            f"{failure.message} So the digest of {posting.model} {kept}. When the server runs: "
            f"aura hire {posting.name} --update"
        )
    return _with(posting, model, wanted, before), ""


def _with(posting: Posting, model: ServedModel, wanted: Hiring, before: Posting | None) -> Posting:
    posting = replace(
        posting,
        model_digest=model.digest or posting.model_digest,
        tools=posting.tools if model.tools is None else model.tools,
        small=posting.small if model.parameters is None else model.parameters < SMALL_PARAMETERS,
    )
    if model.context_tokens and wanted.prompt_tokens is None:
        room = max(1, model.context_tokens - posting.output_tokens_max)
        posting = replace(posting, prompt_tokens_max=min(posting.prompt_tokens_max, room))
    stated = wanted.local or (before is not None and before.model == posting.model)
    if model.cloud and posting.price_source == "zero" and not stated:
        posting = replace(posting, price="genai-prices")  # the calls cost money: the hire asks for the price
    return posting
