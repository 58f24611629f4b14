"""The facts that a hire asks of a model's server: digest, context, tools, and whether its calls cost money."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from agents.employees.model_employee import Prompting
from agents.employees.postings import build
from agents.employees.providers.ollama_models import CLOUD_HOST
from agents.employees.providers.table import PROVIDERS, profile_of
from director.services.hire_options import Hiring, posting_of
from director.services.model_facts import with_facts
from domain.employee import version_of
from domain.errors import Invalid
from tests.loopback import Reply, loopback
from tests.wires.model_servers import serving
from tests.wires.ollama import shown, tags
from tests.wires.played import address
from tests.wires.wire import sends

DIGEST, OTHER = "aa" * 32, "bb" * 32


def server(listed: Any, show: Any) -> Reply:
    """Return a double with these answers to /api/tags and /api/show."""
    return serving({"/api/tags": listed, "/api/show": show})


def wanted(base_url: str, **options: Any) -> Hiring:
    return Hiring(name="ada", provider="ollama", base_url=base_url, model="smol", **options)


async def test_a_hire_records_digest_context_and_tools() -> None:
    async with loopback(server(tags(("smol:latest", DIGEST)), shown(context_tokens=8192))) as double:
        options = wanted(address(double))
        posting, note = await with_facts(posting_of(options), options)
    assert (posting.model_digest, posting.tools, posting.prompt_tokens_max, note) == (DIGEST, False, 8192 - 1024, "")
    assert [(seen.path, seen.body) for seen in double.seen] == [
        ("/api/tags", None),
        ("/api/show", {"model": "smol:latest"}),
    ]
    profile = profile_of(posting)
    assert (profile.model_digest, profile.call_usd_max) == (DIGEST, Decimal(0))
    assert profile.parameters == {"num_ctx": "8192", "tools": "none"}
    employee = build(posting, {})
    assert employee.describe()["context"] == "8192 tokens"
    assert not employee.model.has_tools  # type: ignore[attr-defined]  # the model of a ModelEmployee


async def test_an_update_takes_the_new_digest_and_so_becomes_another_version() -> None:
    async with loopback(server(tags(("smol:latest", DIGEST)), shown("tools"))) as double:
        options = wanted(address(double))
        first, _ = await with_facts(posting_of(options), options)
        double.reply = server(tags(("smol:latest", OTHER)), shown("tools"))
        update = Hiring(name="ada")
        second, _ = await with_facts(posting_of(update, first), update, first)
    assert (first.model_digest, second.model_digest, second.tools) == (DIGEST, OTHER, True)
    assert version_of(profile_of(first)) != version_of(profile_of(second))


async def test_a_tiny_model_gets_the_shortest_prompt_and_a_larger_one_the_usual() -> None:
    asked = {}
    for parameters in (134_515_008, 7_000_000_000):
        show = shown(parameters=parameters)
        async with loopback(server(tags(("smol:latest", DIGEST)), show)) as double:
            options = wanted(address(double))
            posting, _ = await with_facts(posting_of(options), options)
        provider = PROVIDERS[posting.kind]
        asked[parameters] = provider.prompting(posting.style, profile_of(posting).parameters)
    tiny, usual = asked.values()
    assert (tiny.small, tiny.may_decline) == (True, False)
    assert usual == Prompting()


async def test_options_that_are_given_count_more_than_the_servers_context() -> None:
    async with loopback(server(tags(("smol:latest", DIGEST)), shown(context_tokens=8192))) as double:
        options = wanted(address(double), prompt_tokens=512)
        posting, _ = await with_facts(posting_of(options), options)
    assert posting.prompt_tokens_max == 512


async def test_a_model_that_the_server_does_not_have_is_refused_with_the_models_that_it_has() -> None:
    async with loopback(server(tags(("other:1b", DIGEST)), shown())) as double:
        options = wanted(address(double))
        with pytest.raises(Invalid, match=r"has no model smol\. Its models: other:1b") as caught:
            await with_facts(posting_of(options), options)
    assert "aura hire --discover" in caught.value.hint


@pytest.mark.parametrize(
    ("listed", "status"), [({"hello": 1}, 200), (b"<html>", 200), ({"error": "no"}, 403)], ids=["JSON", "a page", "403"]
)
async def test_a_server_that_answers_something_else_is_hired_with_a_note(listed: Any, status: int) -> None:
    async with loopback(sends(status, listed)) as double:
        options = wanted(address(double))
        posting, note = await with_facts(posting_of(options), options)
    assert posting == posting_of(options)
    assert "no call can check it" in note
    assert "aura hire ada --update" in note


async def test_without_a_server_the_present_digest_stays() -> None:
    options = wanted("http://127.0.0.1:1")
    before = replace(posting_of(options), model_digest=DIGEST)
    posting, note = await with_facts(before, Hiring(name="ada"), before)
    assert posting == before
    assert "stays as it was" in note


async def test_another_provider_is_not_asked() -> None:
    options = Hiring(name="ada", base_url="http://127.0.0.1:1/v1", model="m")
    assert await with_facts(posting_of(options), options) == (posting_of(options), "")


async def test_a_cloud_model_has_no_price_of_zero_unless_somebody_says_so() -> None:
    cloud = server(tags(("smol:latest", DIGEST), remote_host=f"https://{CLOUD_HOST}:443"), shown("tools"))
    async with loopback(cloud) as double:
        options = wanted(address(double))
        posting, _ = await with_facts(posting_of(options), options)
        assert profile_of(posting).call_usd_max is None, "the hire asks for the price"
        stated = wanted(address(double), price_in="1", price_out="2")
        posting, _ = await with_facts(posting_of(stated), stated)
        assert profile_of(posting).call_usd_max
        local = wanted(address(double), local=True)
        posting, _ = await with_facts(posting_of(local), local)
        assert profile_of(posting).call_usd_max == 0
