"""The Director's consent that employees read the secrets of a base."""

import msgspec


class NamedSecret(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The place and the kind of a secret, without the secret. `earlier`: only a commit before the base has it."""

    path: str
    line: int
    kind: str
    earlier: bool = False


class SecretsConsent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The Director's consent that employees, and so their providers, read the secrets of a base.

    `secrets`: the first of them. `total`: the number of all.
    """

    base_commit: str
    reason: str
    secrets: tuple[NamedSecret, ...]
    total: int
