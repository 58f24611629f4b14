"""Forms of pages: bodies as fields, the key of a command, and the token of a form that nobody has signed in for."""

import hmac
import secrets
from urllib.parse import parse_qsl
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from domain.errors import Forbidden, Invalid
from governance.credentials import csrf_of

CSRF_FIELD = "csrf"
KEY_FIELD = "key"
FORM_COOKIE = "aura_form"
FIELDS_MAX = 100
FORM = "application/x-www-form-urlencoded"


class Form(dict[str, str]):
    """The fields of a form. A field that was sent twice has its last value."""

    @property
    def csrf(self) -> str:
        return self.get(CSRF_FIELD, "")

    @property
    def key(self) -> UUID:
        """The id of the command. The page made it, so a form that is sent twice acts once. Raises Invalid."""
        try:
            return UUID(self.get(KEY_FIELD, ""))
        except ValueError:
            raise Invalid("The form has no key.", hint="Open the page again.", code="no_key") from None

    def needed(self, name: str, characters_max: int, *, exact: bool = False) -> str:
        """Return a field that must not be empty. Raises Invalid. `exact`: with the blanks at its ends."""
        value = self.get(name, "") if exact else self.get(name, "").strip()
        if not value or len(value) > characters_max:
            raise Invalid(f"The field {name} needs 1 to {characters_max} characters.", hint="Go back, and fill it in.")
        return value


async def read_form(request: Request) -> Form:
    """Return the fields of a form. Raises Invalid."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise Invalid("The body is not a form.", hint=f"Send the type {FORM}.")
    try:
        text = (await request.body()).decode("utf-8")
        return Form(parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), max_num_fields=FIELDS_MAX))
    except ValueError as error:
        raise Invalid("The form cannot be read.", hint="Send it from the page.") from error


def form_secret(request: Request) -> str:
    """Return the secret of the forms of a browser in which nobody is signed in, or a new one."""
    return request.cookies.get(FORM_COOKIE, "") or secrets.token_urlsafe(32)


def keep_form_secret(response: Response, secret: str, *, secure: bool) -> None:
    response.set_cookie(FORM_COOKIE, secret, path="/", secure=secure, httponly=True, samesite="strict")


def check_form_secret(request: Request, form: Form) -> None:
    """Refuse a form that was not made for this browser. Raises Forbidden."""
    secret = request.cookies.get(FORM_COOKIE, "")
    if not secret or not hmac.compare_digest(form.csrf.encode(), csrf_of(secret).encode()):
        raise Forbidden("This form was not made for this browser.", hint="Open /sign-in again.", code="csrf")
