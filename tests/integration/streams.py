"""An account without the stream AURA, ready for another stream of the same name."""

from nats.aio.client import Client

from bus.stream import STREAM


async def without_stream(client: Client) -> None:
    """Delete the stream.

    Another stream keeps the account's folder, because nats-server deletes an empty folder late.
    """
    js = client.jetstream()
    await js.add_stream(name="NEIGHBOUR", subjects=["neighbour"])
    await js.delete_stream(STREAM)
