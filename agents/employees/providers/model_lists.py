"""Questions to a model's server that cost nothing: which models it has, and what it says about them.

Import this module late, because the import of httpx2 is slow.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx2

from agents.employees.call_errors import CallFailed
from agents.employees.providers.failures import failed_call
from agents.employees.providers.http_client import BoundedClient, address_of, open_client

if TYPE_CHECKING:
    from pydantic import SecretStr


@asynccontextmanager
async def asking(base_url: str, key: "SecretStr | None", wall_s: float) -> AsyncIterator[BoundedClient]:
    """Open a client for questions to one server. All questions together may take `wall_s`.

    :raises CallFailed: for every failure of the connection.
    """
    secret = key.get_secret_value() if key is not None else None
    client = open_client(address_of(base_url), wall_s, keyed=True)  # another host is not asked, even without a key
    if secret:
        client.headers["authorization"] = f"Bearer {secret}"
    try:
        async with asyncio.timeout(wall_s):
            yield client
    except TimeoutError:
        raise CallFailed("timeout", f"{base_url} did not answer within {wall_s:g} s.") from None
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, UnicodeError) as error:
        raise failed_call(error, base_url, secret) or error from None
    finally:
        await client.aclose()
