"""A model as the server that has it describes it."""

import msgspec


class ServedModel(msgspec.Struct, frozen=True, kw_only=True):
    """One model of a server. A value is None if the server does not report it.

    `cloud`: the server passes the calls to another host, where they cost money. `chat`: False for a
    model that answers no messages, for example one of embeddings.
    """

    name: str
    digest: str | None = None
    context_tokens: int | None = None
    tools: bool | None = None
    parameters: int | None = None
    cloud: bool = False
    chat: bool = True
