"""Identities of users at OpenID providers: an issuer and a subject."""

import msgspec

from domain.errors import Invalid

ISSUER_CHARACTERS_MAX = 512
SUBJECT_CHARACTERS_MAX = 255


class Identity(msgspec.Struct, frozen=True):
    """A person as an OpenID provider knows it. The subject is unique at its issuer, and never given to another."""

    issuer: str
    subject: str


def checked_identity(issuer: str, subject: str) -> Identity:
    """Return the identity. Raises Invalid if issuer or subject cannot be those of a provider."""
    if not is_issuer(issuer):
        raise Invalid(
            f"The issuer has to be a web address of at most {ISSUER_CHARACTERS_MAX} characters.",
            hint="Write it as the provider does: the field issuer of its /.well-known/openid-configuration.",
        )
    if not is_subject(subject):
        raise Invalid(
            f"A subject has 1 to {SUBJECT_CHARACTERS_MAX} printable ASCII characters.",
            hint="The page that refuses an unknown identity shows its subject.",
        )
    return Identity(issuer, subject)


def is_issuer(text: str) -> bool:
    """Return whether a text has the form of an issuer: a web address without query and fragment."""
    plain = text.isascii() and text.isprintable() and not set(" ?#\"'\\").intersection(text)
    return plain and text.startswith(("https://", "http://")) and len(text) <= ISSUER_CHARACTERS_MAX


def is_subject(text: str) -> bool:
    return 0 < len(text) <= SUBJECT_CHARACTERS_MAX and text.isascii() and text.isprintable() and text == text.strip()
