"""Pages as HTML: the templates, the policy that each page has, and the files that pages load."""

import hashlib
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from typing import Any

from fastapi import APIRouter
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from director.http.pages.foreign_text import markdown
from domain.errors import NotFound

NONCE_BYTES = 18
MEDIA = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
ASSETS = (
    "aura.css",
    "aura.js",
    "icon.svg",
    "vendor/htmx-4.0.1.min.js",
    "vendor/hx-csp-4.0.1.min.js",
    "vendor/hx-sse-4.0.1.min.js",
)
"""The files below director/http/static that a page may load."""
POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types htmx"
)
CACHED = "public, max-age=31536000, immutable"
"""An asset may be kept: its address has the digest of its content."""


def new_nonce() -> str:
    return secrets.token_urlsafe(NONCE_BYTES)


def html(template: str, nonce: str, values: Mapping[str, Any], status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Return a page with its policy. All values are escaped."""
    text = environment().get_template(template).render(nonce=nonce, **values)
    return HTMLResponse(text, status.value, {"Content-Security-Policy": POLICY.format(nonce=nonce)})


@cache
def environment() -> Environment:
    """Return the templates. A name that the values lack is an error."""
    made = Environment(
        loader=PackageLoader("director.http", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {
        "clock": clock,
        "iso": iso,
        "usd": usd,
        "number": number,
        "short": short,
        "percent": percent,
        "normal": normal,
        "markdown": markdown,
    }
    made.globals |= {"asset": asset}
    return made


def assets() -> APIRouter:
    """Return the route of the files that pages load. They hold nothing about the organisation."""
    router = APIRouter()

    @router.get("/static/{name:path}", include_in_schema=False)
    async def static(name: str) -> Response:
        if name not in ASSETS:
            raise NotFound(f"There is no file {name[:100]!r}.")
        media = MEDIA[name[name.rindex(".") :]]
        return Response(content_of(name), media_type=media, headers={"Cache-Control": CACHED})

    return router


@cache
def content_of(name: str) -> bytes:
    """Return an asset."""
    return files("director.http").joinpath("static", *name.split("/")).read_bytes()


@cache
def asset(name: str) -> str:
    """Return the address of an asset. It changes with the content."""
    return f"/static/{name}?v={hashlib.sha256(content_of(name)).hexdigest()[:16]}"


def moment(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC)


def clock(microseconds: int | None) -> str:
    """Return a time for people, in UTC; a dash for None."""
    return moment(microseconds).strftime("%Y-%m-%d %H:%M:%S") if microseconds else "-"


def iso(microseconds: int) -> str:
    """Return a time for programs, in UTC."""
    return moment(microseconds).isoformat()


def usd(amount: Decimal | str | None) -> str:
    """Return dollars with at least two and at most six decimals; a dash for None."""
    if amount is None:
        return "-"
    text = f"{Decimal(amount):,.6f}".rstrip("0")
    whole, _, rest = text.partition(".")
    return f"${whole}.{rest.ljust(2, '0')}"


def number(value: int | None) -> str:
    """Return a number with separators; a dash for None."""
    return "-" if value is None else f"{value:,}"


def percent(micro_units: int | None) -> str:
    """Return a rate in micro-units as a percentage; a dash for None."""
    return "-" if micro_units is None else f"{micro_units / 10_000:.1f}%"


def normal(value: Decimal) -> str:
    """Return a number without zeros at its end."""
    return f"{value.normalize():f}"


def short(value: object) -> str:
    """Return the beginning of an id or digest."""
    return str(value)[:13]
