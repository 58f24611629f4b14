"""The parts of pages that need no server: numbers as text, addresses, forms, rights of screens."""

from decimal import Decimal

import pytest
from starlette.requests import Request

from director.http.pages.error_pages import wants_page
from director.http.pages.forms import Form, read_form
from director.http.pages.page_maker import Linker, Moment, live_address, theme_of
from director.http.pages.rendering import clock, environment, number, usd
from director.http.pages.screens import READ, Screen, menu
from director.http.pages.sign_in_pages import local
from domain.errors import AuraError


def asked(path: str = "/", body: bytes = b"", **headers: str) -> Request:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    lines = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": lines}, receive)


@pytest.mark.parametrize(
    ("amount", "text"),
    [("0", "$0.00"), ("1234.5", "$1,234.50"), ("0.000125", "$0.000125"), ("10", "$10.00"), (None, "-")],
)
def test_dollars_have_two_to_six_decimals(amount: str | None, text: str) -> None:
    assert usd(None if amount is None else Decimal(amount)) == text


def test_times_and_numbers_are_text_for_people() -> None:
    assert clock(1_700_000_000_000_000) == "2023-11-14 22:13:20"
    assert (clock(None), number(18204), number(None)) == ("-", "18,204", "-")


@pytest.mark.parametrize(
    "there", ["//evil.example", "https://evil.example", "evil", "/\\evil", "/a\nb", "javascript:x"]
)
def test_after_a_sign_in_nobody_leaves_the_server(there: str) -> None:
    assert local(there) == "/"
    assert local("/runs/1?as_of=2") == "/runs/1?as_of=2", "the control"


def test_an_earlier_state_keeps_its_position_in_each_address() -> None:
    live, past = Linker(Moment(seq=None, last=9)), Linker(Moment(seq=7, last=9))
    assert (live("/inbox"), live("/", after="x y")) == ("/inbox", "/?after=x+y")
    assert (past("/inbox"), past("/", tab="cost")) == ("/inbox?as_of=7", "/?as_of=7&tab=cost")
    assert past("/inbox", as_of=None) == "/inbox"
    assert live_address(3, None) == "/live?after=3"


def test_programs_get_problems_and_browsers_get_pages() -> None:
    assert wants_page(asked("/inbox", accept="text/html,*/*"))
    assert not wants_page(asked("/api/runs", accept="text/html,*/*"))
    assert not wants_page(asked("/inbox", accept="application/json"))
    assert theme_of(asked(cookie="aura_theme=dark")) == "dark"
    assert theme_of(asked(cookie="aura_theme=<script>")) == "auto"


FORM = {"content_type": "application/x-www-form-urlencoded"}


async def test_a_form_is_read_and_wrong_ones_are_refused() -> None:
    form = await read_form(asked(body=b"reason=too+late&csrf=1&key=", **FORM))
    assert (form["reason"], form.csrf, form.needed("reason", 10)) == ("too late", "1", "too late")
    for wrong in (lambda: form.key, lambda: form.needed("reason", 3), lambda: form.needed("typed", 3)):
        with pytest.raises(AuraError):
            wrong()
    for body, headers in ((b"reason=x", {"content_type": "text/plain"}), (b"reason", FORM), (b"\xff=1", FORM)):
        with pytest.raises(AuraError):
            await read_form(asked(body=body, **headers))
    assert Form().csrf == ""


def test_a_screen_with_a_right_is_only_in_the_menu_of_those_who_have_it() -> None:
    rights = Screen(name="x", path="/x", title="X", about="", letter="z", right="user.created")
    assert not rights.open_to({"run.approved"})
    assert rights.open_to({"user.created"})
    assert Screen(name="y", path="/y", title="Y", about="", right=READ).open_to(())
    assert [screen.letter for screen in menu(())] == [screen.letter for screen in menu({"x"}) if screen.right == READ]


def test_values_are_escaped_and_a_missing_one_is_an_error() -> None:
    made = environment().from_string("{{ text }}")
    assert made.render(text="<b onclick='x'>") == "&lt;b onclick=&#39;x&#39;&gt;"
    with pytest.raises(Exception, match="undefined"):
        made.render()
