"""The account of a worker: what its credential reaches, and what the server denies to it."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from bus.embedded import probe
from bus.object_bucket import ObjectBucket
from bus.object_description import CHUNK_BYTES
from bus.probes import ProbeChannel
from bus.work_queue import ORDERS, RESULTS, WorkStream
from bus.worker_accounts import accounts
from domain.errors import Unavailable
from governance.authority import WORKER_RIGHTS
from tests.integration.worker_access import ANNA, BEN, BUCKET_LIMITS, NAMED, Access, access
from tests.tiers import every_second

EVENT = "aura.evt.incident.x.forged"
ARRIVES_S = 0.3
WAIT_S = 60.0
TRIES_MAX = 6000
PULL = json.dumps({"batch": 1, "expires": 200_000_000}).encode()


@pytest.fixture
async def reach(tmp_path: Path) -> AsyncIterator[Access]:
    async with access(tmp_path / "nats") as found:
        yield found


def stream_settings(name: str, **settings: object) -> bytes:
    return json.dumps({"name": name, "subjects": [f"{name}.>"], "storage": "memory", **settings}).encode()


REQUESTS = {
    "write an event": (EVENT, b"{}"),
    "write an order": (f"aura.work.order.{ANNA}", b"{}"),
    "write to the packs": ("$O.AURA_PACKS.C.x", b"{}"),
    "write to another's uploads": ("$O.AURA_UPLOAD_ben.C.x", b"{}"),
    "ask about the account": ("$JS.API.INFO", b""),
    "list streams": ("$JS.API.STREAM.NAMES", b""),
    "ask about the log": ("$JS.API.STREAM.INFO.AURA", b""),
    "create a stream": ("$JS.API.STREAM.CREATE.NEW", stream_settings("NEW")),
    "change a stream": (f"$JS.API.STREAM.UPDATE.{RESULTS}", stream_settings(RESULTS, max_msgs=1)),
    "purge a stream": (f"$JS.API.STREAM.PURGE.{RESULTS}", b""),
    "delete a stream": ("$JS.API.STREAM.DELETE.OBJ_AURA_UPLOAD_ben", b""),
    "read an event": ("$JS.API.STREAM.MSG.GET.AURA", b'{"seq":1}'),
    "read an event directly": ("$JS.API.DIRECT.GET.AURA", b'{"seq":1}'),
    "read a result": (f"$JS.API.STREAM.MSG.GET.{RESULTS}", b'{"seq":1}'),
    "read another's uploads": ("$JS.API.DIRECT.GET.OBJ_AURA_UPLOAD_ben", b'{"seq":1}'),
    "delete a message": (f"$JS.API.STREAM.MSG.DELETE.{RESULTS}", b'{"seq":1}'),
    "copy a stream": ("$JS.API.STREAM.SNAPSHOT.AURA", b'{"deliver_subject":"x"}'),
    "create a consumer of the log": ("$JS.API.CONSUMER.CREATE.AURA", b'{"stream_name":"AURA","config":{}}'),
    "create a consumer of the orders": (
        f"$JS.API.CONSUMER.DURABLE.CREATE.{ORDERS}.mine",
        json.dumps({"stream_name": ORDERS, "config": {"durable_name": "mine", "ack_policy": "explicit"}}).encode(),
    ),
    "delete a consumer": (f"$JS.API.CONSUMER.DELETE.{ORDERS}.orders-{BEN}", b""),
    "ask about a consumer": (f"$JS.API.CONSUMER.INFO.{ORDERS}.orders-{ANNA}", b""),
    "take results": (f"$JS.API.CONSUMER.MSG.NEXT.{RESULTS}.reception", PULL),
}
"""Requests that a worker may not send. CORE may send each of them, and gets an answer."""


@pytest.mark.parametrize("name", every_second(REQUESTS))
async def test_a_request_is_denied_to_a_worker_and_answered_to_the_core(reach: Access, name: str) -> None:
    subject, data = REQUESTS[name]
    worker = await reach.worker("anna")
    assert not await worker.may_publish(subject, data)
    assert await worker.asked(subject, data) is None
    assert await reach.core.asked(subject, data) is not None, "control"
    assert reach.core.errors == []


@pytest.mark.parametrize(
    "subject",
    ["aura.evt.>", "aura.work.>", "aura.>", ">", "$JS.>", "$JS.ACK.>", "$JS.EVENT.>", "aura.work.permit.*", "_R_.>"],
)
async def test_a_subscription_is_denied_to_a_worker_and_permitted_to_the_core(reach: Access, subject: str) -> None:
    for name in ("anna", "workers"):
        worker = await reach.worker(name)
        assert not await worker.may_subscribe(subject)
        assert not await worker.may_subscribe(subject, "queue")
    assert await reach.core.may_subscribe(subject), "control"


async def test_each_right_of_the_table_is_permitted_for_its_employee_and_denied_for_another(reach: Access) -> None:
    anna, ben = await reach.worker("anna"), await reach.worker("ben")
    own, other = NAMED[1], NAMED[2]
    for right in WORKER_RIGHTS:
        (subject,), (foreign,) = right.subjects(own), right.subjects(other)
        subject, foreign = (text.replace(".*", ".x").replace(".>", ".x") for text in (subject, foreign))
        if right.way == "receive":
            assert await anna.may_subscribe(subject), right
            assert not await ben.may_subscribe(subject), right
        else:
            assert await anna.may_publish(subject), right
            if subject != foreign:
                assert not await ben.may_publish(subject), right


async def test_work_flows_over_the_boundary(reach: Access) -> None:
    """The control of all denials: order, acknowledgement, permit, result, probe, pack and upload."""
    manager, anna = WorkStream(reach.core.client), await reach.worker("anna")
    worker, order, stop = WorkStream(anna.client), uuid4(), asyncio.Event()

    async def permit(employee: UUID, data: bytes) -> bytes:
        return f"{employee} ".encode() + data

    async def probed(data: bytes) -> bytes:
        return b"alive: " + data

    await manager.send_order(ANNA, order, b"order")
    parcel = await worker.next_order(ANNA, 2)
    assert parcel is not None
    assert (parcel.employee, parcel.data) == (ANNA, b"order")
    assert await parcel.done()
    assert await worker.ask_permit(ANNA, b"?", 1) is None, "nobody serves permits yet"
    serving = asyncio.create_task(manager.serve_permits(permit, stop))
    answer = await permitted(worker)
    assert answer == f"{ANNA} ?".encode()
    stop.set()
    await serving
    await worker.send_result(ANNA, "1-end", b"result")
    result = await manager.next_result(2)
    assert result is not None
    assert (result.employee, result.data) == (ANNA, b"result")
    asking = ProbeChannel(reach.core.client)
    assert await asking.ask(ANNA, b"?", 1) is None, "no worker serves it yet"
    await ProbeChannel(anna.client).serve(ANNA, probed)
    await anna.client.flush()
    assert await asking.ask(ANNA, b"?", 10) == b"alive: ?"
    await reach.core.client.jetstream().publish("$O.AURA_PACKS.C.x", b"pack")
    assert await anna.asked("$JS.API.DIRECT.GET.OBJ_AURA_PACKS", b'{"seq":1}') == b"pack"
    assert await anna.asked("$JS.API.DIRECT.GET.OBJ_AURA_PACKS.$O.AURA_PACKS.C.x", b"") == b"pack"
    assert b'"seq":1' in (await anna.asked("$O.AURA_UPLOAD_anna.C.x", b"upload") or b"")
    assert anna.errors == []


async def permitted(worker: WorkStream) -> bytes:
    """Ask for a permit until somebody answers."""
    for _ in range(TRIES_MAX):
        answer = await worker.ask_permit(ANNA, b"?", 1)
        if answer is not None:
            return answer
        await asyncio.sleep(0.01)
    raise AssertionError("nobody answers requests for permits")


async def forge(reach: Access, wanted: tuple[int, int]) -> tuple[int, int]:
    """Let a worker name a subject of the log as reply subject, for a result and for the pull of an order.

    Return how many messages arrive there in CORE, and how many the log has then. If any are wanted, wait for them.
    """
    arrived = await reach.core.heard(EVENT)
    worker = await reach.worker("anna")
    await WorkStream(reach.core.client).send_order(ANNA, uuid4(), b"order")
    await worker.client.publish(f"aura.work.result.{ANNA}", b"{}", reply=EVENT)
    await worker.client.publish(f"$JS.API.CONSUMER.MSG.NEXT.{ORDERS}.orders-{ANNA}", PULL, reply=EVENT)
    await worker.client.flush()
    await asyncio.sleep(ARRIVES_S)
    for _ in range(TRIES_MAX if wanted != (0, 0) else 0):
        if (len(arrived), await reach.events()) == wanted:
            break
        await asyncio.sleep(0.01)
    return len(arrived), await reach.events()


async def test_an_acknowledgement_and_an_order_do_not_become_events(reach: Access, tmp_path: Path) -> None:
    assert await forge(reach, (0, 0)) == (0, 0)
    async with access(tmp_path / "plain", one_account=True) as plain:
        assert not await (await plain.worker("anna")).may_publish(EVENT), "the permissions are the same"
        assert await forge(plain, (2, 1)) == (2, 1), "control: in one account both arrive, and one is stored"


async def test_a_reply_subject_reaches_no_other_import(reach: Access) -> None:
    requests = await reach.core.heard(f"aura.work.permit.{BEN}")
    for name in ("anna", "workers"):
        worker = await reach.worker(name)
        await worker.client.publish(f"aura.work.result.{ANNA}", b"{}", reply=f"aura.work.permit.{BEN}")
        await worker.client.flush()
    await asyncio.sleep(ARRIVES_S)
    assert requests == []
    await (await reach.worker("workers")).client.publish(f"aura.work.permit.{BEN}", b"control")
    for _ in range(TRIES_MAX):
        if requests:
            break
        await asyncio.sleep(0.01)
    assert [message.data for message in requests] == [b"control"]


async def test_the_id_of_a_workers_message_swallows_no_order(reach: Access) -> None:
    manager, anna, order = WorkStream(reach.core.client), await reach.worker("anna"), uuid4()
    ack = await anna.client.jetstream().publish(
        f"aura.work.result.{ANNA}", b"x", headers={"Nats-Msg-Id": f"order-{order}"}, stream=RESULTS
    )
    assert not ack.duplicate
    await manager.send_order(ANNA, order, b"real")
    parcel = await WorkStream(anna.client).next_order(ANNA, WAIT_S)
    assert parcel is not None
    assert parcel.data == b"real"
    js, header = reach.core.client.jetstream(), {"Nats-Msg-Id": "known"}
    await js.publish(f"aura.work.order.{ANNA}", b"first", headers=header)
    assert (await js.publish(f"aura.work.order.{ANNA}", b"second", headers=header)).duplicate, "control: one stream"


async def test_a_worker_swallows_no_result_of_another(reach: Access) -> None:
    """Both write to one stream, so an id that another worker can guess would be enough."""
    manager = WorkStream(reach.core.client)
    anna, ben = await reach.worker("anna"), await reach.worker("ben")
    guessed = f"{ANNA}-1-end"
    await ben.client.jetstream().publish(f"aura.work.result.{BEN}", b"x", headers={"Nats-Msg-Id": guessed})
    queue = WorkStream(anna.client)
    await queue.send_result(ANNA, "1-end", b"real")
    await queue.send_result(ANNA, "1-end", b"again")
    contents = [
        parcel.data for parcel in [await manager.next_result(WAIT_S), await manager.next_result(WAIT_S)] if parcel
    ]
    assert sorted(contents) == [b"real", b"x"]
    assert await manager.next_result(0.1) is None, "the same worker sends a result once"
    known = f"{ANNA}-2-end-{queue._secret}"
    await ben.client.jetstream().publish(f"aura.work.result.{BEN}", b"x", headers={"Nats-Msg-Id": known})
    await queue.send_result(ANNA, "2-end", b"lost")
    parcels = [await manager.next_result(WAIT_S), await manager.next_result(0.2)]
    assert [parcel.data for parcel in parcels if parcel] == [b"x"], "control: with the secret it would be swallowed"


async def test_headers_of_a_worker_delete_no_result_and_trace_nothing(reach: Access) -> None:
    anna, ben = await reach.worker("anna"), await reach.worker("ben")
    await WorkStream(ben.client).send_result(BEN, "1-end", b"of ben")
    traced = await reach.core.heard("aura.trace.>")
    before = await reach.events()
    for headers in (
        {"Nats-Rollup": "all"},
        {"Nats-Rollup": "sub"},
        {"Nats-TTL": "1s"},
        {"Nats-Trace-Dest": EVENT},
        {"Nats-Trace-Dest": "aura.trace.x"},
    ):
        await anna.client.publish(f"aura.work.result.{ANNA}", b"x", headers=headers)
    await anna.client.flush()
    await asyncio.sleep(ARRIVES_S)
    assert await reach.events() == before
    assert traced == []
    first = await WorkStream(reach.core.client).next_result(WAIT_S)
    assert first is not None
    assert first.data == b"of ben"


async def test_nobody_reads_the_inbox_of_another_account(reach: Access) -> None:
    async def permit(employee: UUID, data: bytes) -> bytes:
        return data + str(employee).encode()

    anna, ben, stop = await reach.worker("anna"), await reach.worker("ben"), asyncio.Event()
    inboxes = [await login.heard("_INBOX.>") for login in (ben, await reach.worker("workers"))]
    same = await (await reach.worker("anna")).heard("_INBOX.>")
    serving = asyncio.create_task(WorkStream(reach.core.client).serve_permits(permit, stop))
    await permitted(WorkStream(anna.client))
    stop.set()
    await serving
    await reach.core.asked("$JS.API.STREAM.NAMES", b"")
    await asyncio.sleep(ARRIVES_S)
    assert inboxes == [[], []]
    assert same, "control: another connection of the same account receives it"


def test_a_credential_without_rights_may_publish_nothing() -> None:
    account = accounts("aura", "p", NAMED[:1], ())["WORKER_workers"]
    assert account["users"][0]["permissions"]["publish"] == {"deny": [">"]}
    assert account["imports"] == []


async def test_the_server_remembers_no_request_after_its_answer(reach: Access) -> None:
    """An idle worker sends a pull each second. Each remembered one would cost memory until the connection ends."""
    anna = await reach.worker("anna")
    queue = WorkStream(anna.client)
    for _ in range(20):
        assert await queue.next_order(ANNA, 0.02) is None
        assert await anna.asked("$JS.API.DIRECT.GET.OBJ_AURA_PACKS", b'{"seq":1}') is not None
    await until_remembered(reach, 0)  # on a slow machine the last answer comes after the worker's wait
    waiting = asyncio.create_task(queue.next_order(ANNA, 2))
    await until_remembered(reach, 1)  # control: it remembers a request without an answer
    await waiting


async def until_remembered(reach: Access, count: int) -> None:
    """Wait until the server remembers this number of requests."""
    for _ in range(TRIES_MAX):
        if await remembered(reach) == count:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"the server remembers {await remembered(reach)} requests, and not {count}")


async def remembered(reach: Access) -> int:
    """Return how many requests over the boundary wait for an answer."""
    settings = json.loads((reach.server.store.parent / "nats.json").read_bytes())
    page = await asyncio.to_thread(probe.get, f"http://{settings['http']}/accountz?acc=CORE", 2.0)
    assert page is not None
    return len(json.loads(page[1])["account_detail"].get("responses") or {})


async def test_packs_and_uploads_pass_the_boundary(reach: Access) -> None:
    """The buckets of working copies need no other right than those of the table."""
    content = secrets.token_bytes(2 * CHUNK_BYTES + 1)
    anna, ben = (await reach.worker("anna")).client, (await reach.worker("ben")).client
    name = await ObjectBucket(reach.core.client, "AURA_PACKS", BUCKET_LIMITS).put(content)
    assert await ObjectBucket(anna, "AURA_PACKS", BUCKET_LIMITS).get(name, len(content)) == content
    await ObjectBucket(anna, "AURA_UPLOAD_anna", BUCKET_LIMITS).put(content)
    uploads = ObjectBucket(reach.core.client, "AURA_UPLOAD_anna", BUCKET_LIMITS)
    assert await uploads.get(name, len(content)) == content
    denied = ObjectBucket(ben, "AURA_UPLOAD_anna", BUCKET_LIMITS)
    with pytest.raises(Unavailable):
        await denied.put(b"x")
    assert len(await uploads.objects()) == 1
