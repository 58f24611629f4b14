"""The options of `aura hire` and of `--update`, and the resulting file of the employee."""

from decimal import Decimal
from inspect import signature
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace

from agents.employees import postings
from agents.employees.model_employee import ModelEmployee
from agents.employees.posting import Posting, origin_of
from agents.employees.postings import build
from agents.employees.providers.openai import OpenAIModel
from agents.employees.providers.openai_responses import OpenAIResponsesModel
from agents.employees.providers.table import PROVIDERS, Provider, profile_of
from director.cli.commands.staff import hire
from director.services.hire_options import Hiring, posting_of
from domain.employee import SessionTerms, version_of
from domain.errors import AuraError, Invalid, NotFound

VENDOR = "https://api.openai.com/v1"
OWN = "http://127.0.0.1:11434/v1"
PRESENT = Posting(
    name="coder",
    kind="openai",
    hired_as=UUID(int=7),
    model="m1",
    base_url=OWN,
    style="grammar",
    api_key_env="MY_KEY",
    price_in=Decimal(2),
    price_out=Decimal(8),
    slots=3,
    output_tokens_max=77,
)


def asked(**stated: object) -> Hiring:
    return msgspec.convert({"name": "coder", **stated}, Hiring)


def test_a_hire_takes_the_defaults_for_what_is_not_stated() -> None:
    posting = posting_of(asked(base_url=f" {OWN}/ ", model=" m ", local=True))
    assert posting == Posting(
        name="coder", kind="openai", base_url=posting.base_url, model="m", api_key_env="OPENAI_API_KEY", price="zero"
    )
    assert posting.base_url.rstrip("/") == OWN


@pytest.mark.parametrize(
    ("stated", "changes"),
    [
        ({}, {}),
        ({"slots": 1}, {"slots": 1}),
        ({"output_tokens": 5}, {"output_tokens_max": 5}),
        ({"prompt_tokens": 6}, {"prompt_tokens_max": 6}),
        ({"wall_s": 7.0}, {"wall_s": 7.0}),
        ({"style": "chat"}, {"style": "chat"}),
        ({"key_env": "OTHER"}, {"api_key_env": "OTHER"}),
        ({"accounts": "main, spare"}, {"accounts": ("main", "spare")}),
        ({"accounts": ""}, {}),
        ({"model": "m1"}, {}),
        ({"local": True}, {"price": "zero", "price_in": None, "price_out": None}),
        ({"price_in": "1", "price_out": "2"}, {"price_in": Decimal(1), "price_out": Decimal(2)}),
        ({"provider": "openai"}, {}),
        ({"api": "chat"}, {}),
        ({"local": False}, {"price_in": None, "price_out": None}),
        ({"model": "m2"}, {"model": "m2"}),
        ({"base_url": VENDOR}, {"base_url": VENDOR}),
        ({"session": False}, {}),
        ({"session": True}, {"session": SessionTerms(), "output_tokens_max": 4096}),
        ({"session": True, "output_tokens": 5}, {"session": SessionTerms(), "output_tokens_max": 5}),
        ({"session": True, "output_tokens": 77, "session_calls": 3}, {"session": SessionTerms(calls_max=3)}),
        ({"session": True, "output_tokens": 77, "session_minutes": 2.5}, {"session": SessionTerms(minutes=2.5)}),
        (
            {"session": True, "output_tokens": 77, "session_usd": "0.25"},
            {"session": SessionTerms(usd_max=Decimal("0.25"))},
        ),
        ({"session": True, "output_tokens": 77, "session_tokens": 9}, {"session": SessionTerms(tokens_max=9)}),
    ],
)
def test_an_update_changes_what_is_stated_and_nothing_else(
    stated: dict[str, object], changes: dict[str, object]
) -> None:
    assert posting_of(asked(**stated), PRESENT) == replace(PRESENT, **changes)


def test_an_update_keeps_the_limits_of_sessions_that_are_not_stated() -> None:
    present = replace(PRESENT, session=SessionTerms(calls_max=7, usd_max=Decimal(3)))
    updated = posting_of(asked(session_minutes=1.0), present)
    assert updated == replace(present, session=SessionTerms(calls_max=7, usd_max=Decimal(3), minutes=1.0))
    assert posting_of(asked(session=False), present) == PRESENT


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ({"session_calls": 3}, "does not work in sessions"),
        ({"session": False, "session_usd": "1"}, "does not work in sessions"),
        ({"session": True, "session_usd": "many"}, "--session-usd many is not an amount"),
        ({"session": True, "session_usd": "-1"}, "--session-usd -1 is not an amount"),
    ],
)
def test_bad_limits_of_sessions_are_refused(stated: dict[str, object], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        posting_of(asked(**stated), PRESENT)
    assert posting_of(asked(session=True, session_usd="1"), PRESENT).session is not None, "control"


def test_every_option_is_tried_alone() -> None:
    """A new option of `aura hire` needs its case in the test above."""
    (cases,) = test_an_update_changes_what_is_stated_and_nothing_else.pytestmark  # type: ignore[attr-defined]  # pytest's
    tried = {name for stated, _ in cases.args[1] for name in stated}
    of_agents = {"cli", "cli_flags"}  # tried in test_hire_agent.py
    assert tried | of_agents | {"name", "script"} == {field.name for field in msgspec.structs.fields(Hiring)}
    options = set(signature(hire).parameters) - {"door", "settings", "update", "is_discovery", "as_json"}
    assert options == {field.name for field in msgspec.structs.fields(Hiring)} - {"name"} | {"names"}


@pytest.mark.parametrize(
    ("stated", "price"),
    [
        ({"base_url": "http://127.0.0.1:9/v1", "model": "m2"}, "zero"),
        ({"slots": 2}, "zero"),
        ({"local": False}, "genai-prices"),
        ({"base_url": VENDOR, "model": "gpt-4o"}, "genai-prices"),
        ({"base_url": VENDOR, "model": "gpt-4o", "local": True}, "zero"),
    ],
)
def test_a_local_model_stays_free_until_its_calls_go_to_a_vendor(stated: dict[str, object], price: str) -> None:
    free = replace(PRESENT, price="zero", price_in=None, price_out=None)
    assert posting_of(asked(**stated), free).price_source == price


def test_the_limits_stay_when_a_model_becomes_a_script_and_back(tmp_path: Path) -> None:
    script = tmp_path / "answers.json"
    script.write_text("{}")
    limits = {"slots": 3, "output_tokens_max": 77, "prompt_tokens_max": 88, "wall_s": 9.0}
    played = posting_of(asked(script=str(script)), replace(PRESENT, **limits))
    again = posting_of(asked(base_url=OWN, model="m", local=True), played)
    for posting in (played, again):
        assert {name: getattr(posting, name) for name in limits} == limits
    assert (played.base_url, played.price_in, again.script) == ("", None, ""), "control: the rest is of the other kind"


def test_a_provider_brings_its_style_api_address_and_key(monkeypatch: pytest.MonkeyPatch) -> None:
    vendor = Provider(
        shown="vendor", build=PROVIDERS["openai"].build, address="https://vendor.example", key_env="V_KEY"
    )
    monkeypatch.setitem(PROVIDERS, "vendor", vendor)
    hired = posting_of(asked(provider="vendor", model="m", price_in="1", price_out="2"))
    assert (hired.kind, hired.base_url, hired.api_key_env) == ("vendor", "https://vendor.example", "V_KEY")
    assert posting_of(asked(slots=2), hired) == replace(hired, slots=2), "an update keeps the provider"
    back = posting_of(asked(provider="openai", base_url=OWN, model="m2", local=True), replace(hired, slots=3))
    assert (back.kind, back.api_key_env, back.slots, back.price) == ("openai", "OPENAI_API_KEY", 3, "zero")
    own = posting_of(asked(provider="vendor", base_url=OWN, model="m", key_env="MINE", local=True))
    assert (own.base_url, own.api_key_env) == (OWN, "MINE")
    for stated in ({"style": "grammar"}, {"api": "responses"}):
        with pytest.raises(Invalid, match="for vendor"):
            posting_of(asked(**stated), hired)


def test_the_responses_api_is_an_option_of_openai_and_a_version_of_its_own() -> None:
    chat = replace(PRESENT, style="chat")
    responses = posting_of(asked(api="responses"), chat)
    assert responses == replace(chat, api="responses")
    models = [build(posting, {}) for posting in (chat, responses)]
    assert all(isinstance(employee, ModelEmployee) for employee in models)
    assert [type(employee.model) for employee in models if isinstance(employee, ModelEmployee)] == [
        OpenAIModel,
        OpenAIResponsesModel,
    ]
    assert version_of(profile_of(chat)) != version_of(profile_of(responses))
    assert posting_of(asked(api="chat"), responses) == chat
    with pytest.raises(Invalid, match="no grammar"):
        posting_of(asked(api="responses"), PRESENT)


def test_a_file_of_an_unknown_provider_is_refused_with_its_path(tmp_path: Path) -> None:
    path = postings.save(tmp_path, replace(PRESENT, kind="nobody"))
    with pytest.raises(Invalid, match=r"coder\.json.*'nobody'"):
        postings.load_all(tmp_path)
    path.unlink()
    postings.save(tmp_path, PRESENT)
    assert postings.load_all(tmp_path) == [PRESENT], "the control"


def test_a_model_may_become_a_script_and_back(tmp_path: Path) -> None:
    script = tmp_path / "answers.json"
    script.write_text("{}")
    played = posting_of(asked(script=str(script)), PRESENT)
    assert (played.kind, played.script, played.base_url) == ("scripted", str(script), "")
    assert posting_of(asked(slots=2), played) == replace(played, slots=2)
    again = posting_of(asked(base_url=OWN, model="m", local=True), played)
    assert (again.kind, again.script, again.model) == ("openai", "", "m")


@pytest.mark.parametrize(
    ("stated", "present", "kind"),
    [
        ({"style": "odd"}, PRESENT, Invalid),
        ({"price_in": "1"}, PRESENT, Invalid),
        ({"local": True, "price_in": "1", "price_out": "1"}, PRESENT, Invalid),
        ({"base_url": "nowhere"}, PRESENT, Invalid),
        ({"script": "nowhere.json"}, PRESENT, NotFound),
        ({"slots": 2}, None, Invalid),
        ({"provider": "nobody", "model": "m"}, None, Invalid),
        ({"provider": "scripted", "model": "m"}, None, Invalid),
        ({"provider": "openai", "model": "m"}, None, Invalid),
        ({"api": "odd"}, PRESENT, Invalid),
        ({"api": "responses"}, Posting(name="smol", kind="embedded", model="smol"), Invalid),
        ({"model": "m"}, Posting(name="smol", kind="embedded", model="smol"), Invalid),
        ({"style": "chat"}, Posting(name="anna", kind="scripted", script="a.json"), Invalid),
    ],
)
def test_what_cannot_be_is_refused(stated: dict[str, object], present: Posting | None, kind: type[AuraError]) -> None:
    with pytest.raises(kind) as refused:
        posting_of(asked(**stated), present)
    assert refused.value.hint


@pytest.mark.parametrize(
    ("base_url", "origin"),
    [
        ("https://user:secret@Models.Example.com:443/v1?key=secret", "https://models.example.com"),
        ("http://127.0.0.1:11434/v1", "http://127.0.0.1:11434"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("HTTP://host:80", "http://host"),
        ("", ""),
        ("http://host:port/v1", ""),
        ("no address", ""),
    ],
)
def test_a_server_is_told_by_scheme_host_and_port_alone(base_url: str, origin: str) -> None:
    assert origin_of(base_url) == origin


def test_what_the_log_keeps_of_an_address_holds_no_secret() -> None:
    profile = profile_of(replace(PRESENT, base_url="https://user:secret@models.example.com/v1?key=secret"))
    assert profile.server == "https://models.example.com"
    assert b"secret" not in msgspec.json.encode(profile)


def test_each_style_of_the_embedded_model_is_a_version_and_its_port_is_none() -> None:
    chat = Posting(name="smol-chat", kind="embedded", model="smol", base_url="http://127.0.0.1:1/v1")
    moved = replace(chat, base_url="http://127.0.0.1:2/v1", name="other", slots=4)
    assert profile_of(chat).parameters["temperature"]
    assert version_of(profile_of(chat)) == version_of(profile_of(moved))
    assert version_of(profile_of(chat)) != version_of(profile_of(replace(chat, style="grammar")))


def test_an_id_is_kept_in_the_file_and_an_older_file_keeps_the_id_that_follows_from_it(tmp_path: Path) -> None:
    path = postings.save(tmp_path, PRESENT)
    assert msgspec.json.decode(path.read_bytes())["id"] == str(PRESENT.hired_as)
    assert postings.find(tmp_path, "coder").id == PRESENT.hired_as
    old = msgspec.json.decode(path.read_bytes())
    del old["id"]
    path.write_bytes(msgspec.json.encode(old))
    derived = postings.find(tmp_path, "coder").id
    assert derived == replace(PRESENT, hired_as=None).id == UUID("b1166ae8-df2c-50bf-b321-853b27874c46")
    assert replace(PRESENT, hired_as=None, style="chat").id != derived
    assert replace(PRESENT, style="chat").id == PRESENT.id


def test_a_name_is_claimed_once(tmp_path: Path) -> None:
    other = replace(PRESENT, hired_as=UUID(int=8), model="m2")
    assert postings.create(tmp_path, PRESENT)
    assert not postings.create(tmp_path, other)
    assert postings.load_all(tmp_path) == [PRESENT]
    assert not postings.remove(tmp_path, other.id)
    assert postings.remove(tmp_path, PRESENT.id)
    assert postings.create(tmp_path, other), "control"
    assert [path.name for path in tmp_path.iterdir()] == ["coder.json"]


def test_an_employee_is_served_once_while_its_file_is_renamed(tmp_path: Path) -> None:
    postings.save(tmp_path, PRESENT)
    postings.save(tmp_path, replace(PRESENT, name="ada"))
    assert len(postings.load_all(tmp_path)) == 1
    postings.save(tmp_path, replace(PRESENT, name="bea", hired_as=UUID(int=8)))
    assert len(postings.load_all(tmp_path)) == 2, "control"
