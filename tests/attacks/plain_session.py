"""A program that test_plain_user.py starts as a plain user. It runs a session and prints its results as JSON."""

import asyncio
import json
import sys

from domain.tree import Tree
from tests.attacks.in_session import ALIVE, session_limits
from verification.sandbox.base import MIB, Limits
from verification.sandbox.bubblewrap import Bubblewrap
from verification.sandbox.session_box import SessionBox

LIMITS = Limits(wall_s=20, memory_bytes=128 * MIB, work_bytes=8 * MIB, files=500, processes=20)
COMMANDS = {
    "honest": "cat a/in && ./a/run && git init -q && git add -A && git commit -qm one && git log --format=%s",
    "background": "sleep 60 & (setsid sleep 60 &) ; kill -9 1; echo left",
    "network": "python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", PORT))'",
    "home": f"cat {__file__}",
    "disk": "head -c 20000000 /dev/zero > big; rm big",
    "files": "i=0; while true; do i=$((i + 1)); : > f$i; done",
    "tidy": "find . -maxdepth 1 -name 'f*' -delete",  # git may have a folder .git/objects/f0
    "hang": "while true; do :; done",
    "memory": "python3 -c 'x = bytearray(1 << 30)'",
}


async def main() -> None:
    sandbox = Bubblewrap()
    tree = Tree({"a/in": b"hi\n", "a/run": b"#!/bin/sh\necho ran\n"}, executable=frozenset({"a/run"}))
    told: dict[str, object] = {}
    async with SessionBox(sandbox, tree, limits=session_limits(LIMITS), allow_degraded=True) as box:
        for name, command in COMMANDS.items():
            result = await box.run(command.replace("PORT", sys.argv[1]), wall_s=2 if name == "hang" else None)
            told[name] = [result.reason, result.exit_code, result.left, result.observed(1000)]
        told["alive"] = (await box.run(ALIVE)).observed()
        await box.write("a/new", b"new")
        await box.delete("a/in")
        found = await box.difference()
        told["difference"] = [found.added, found.changed, found.deleted, found.refused]
        told["not_held"] = box.not_held
    await sandbox.close()
    print(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(main())
