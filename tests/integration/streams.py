"""An account without the stream AURA, ready for another one of the same name."""

from nats.aio.client import Client

from bus.stream import STREAM


async def without_stream(client: Client) -> None:
    """Delete the stream. Another one keeps the account's folder, which nats-server removes late when it is empty."""
    js = client.jetstream()
    await js.add_stream(name="NEIGHBOUR", subjects=["neighbour"])
    await js.delete_stream(STREAM)
