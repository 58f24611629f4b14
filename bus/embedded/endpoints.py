"""Addresses of the two servers."""

import msgspec


class Endpoints(msgspec.Struct, frozen=True):
    """`nats_url` contains the password. Pass it in the environment, because other users can see arguments."""

    nats_url: str
    postgres_dsn: str
