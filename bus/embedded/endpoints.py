"""Where the two servers are reached."""

import msgspec


class Endpoints(msgspec.Struct, frozen=True):
    """`nats_url` carries the password: hand it on in an environment, not in an argument that others can list."""

    nats_url: str
    postgres_dsn: str
