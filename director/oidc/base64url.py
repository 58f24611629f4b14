"""Base64 for addresses and cookies, without padding, as JWT and PKCE use it (RFC 7515, section 2)."""

import base64


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """Return the data. Raises ValueError for a text with any other character."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
