"""Addresses of the two servers."""

import msgspec


class Endpoints(msgspec.Struct, frozen=True):
    """Addresses with passwords. Pass them in the environment, because other users can see arguments.

    `worker_nats_url`: the address for workers, which cannot reach the log with it. If it is empty, workers have no
    credential of their own, and use `nats_url`.
    """

    nats_url: str
    postgres_dsn: str
    worker_nats_url: str = ""
