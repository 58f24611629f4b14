"""Settings of one box for a Docker engine: a dictionary with all limits and all isolation."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from verification.sandbox.base import MIB, WORK, Limits
from verification.sandbox.dockerengine import OWNER_LABEL, SANDBOX_LABEL
from verification.sandbox.rootfs import DOOR, LAUNCHER, PREFIX
from verification.sandbox.runtime import BOX_UID, SHM_BYTES, WRITABLE, interpreter
from verification.sandbox.workfolder import folder_sizes

SOCKET = "socket"
LAUNCHER_BYTES = 12 * MIB  # memory for the box's first process, added to the limit of the code
MEMORY_LEAST_BYTES = 24 * MIB  # minimum memory with which the engine's runtime can start a container
PROCESSES_LEAST = 16  # minimum number of processes with which the engine's runtime can start
FILES_ROOM = 64  # files that fit above the limit, so that the watcher can notice an exceeded limit
CPUS = 1.0
OOM_SCORE = 500
_HIDDEN = (
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/dev/mqueue",
    "/sys",
)
_READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


class Shares(msgspec.Struct, frozen=True):
    """Files of the host that a box sees read-only. `files` maps a path in the box to a path on the host.

    `door` is the folder with the socket of the box's first process.
    """

    door: Path
    files: Mapping[str, Path]


def box_ids() -> tuple[int, int]:
    """Return the user and group ids of a box: BOX_UID for root, else our own, so that we can write its folders."""
    return (BOX_UID, BOX_UID) if os.getuid() == 0 else (os.getuid(), os.getgid())


def box_config(image: str, limits: Limits, shares: Shares, *, owner: str, rules: str | None) -> dict[str, Any]:
    """Return the settings of one box's container. `rules` is the seccomp profile as JSON text."""
    uid, gid = box_ids()
    return {
        "Image": image,
        "User": f"{uid}:{gid}",
        "Hostname": "box",
        "WorkingDir": WORK,
        "Entrypoint": [
            f"{PREFIX}/bin/{interpreter().name}",
            *("-I", "-S", LAUNCHER, f"{DOOR}/{SOCKET}"),
            *WRITABLE,
        ],
        "NetworkDisabled": True,
        "AttachStdin": False,
        "AttachStdout": False,
        "AttachStderr": False,
        "Labels": {SANDBOX_LABEL: "box", OWNER_LABEL: owner},
        "HostConfig": _walls(limits, shares, rules),
    }


def _walls(limits: Limits, shares: Shares, rules: str | None) -> dict[str, Any]:
    memory = max(limits.memory_bytes + LAUNCHER_BYTES, MEMORY_LEAST_BYTES)
    profile = [f"seccomp={rules}"] if rules else []
    return {
        "NetworkMode": "none",
        "ReadonlyRootfs": True,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges:true", *profile],
        "MaskedPaths": list(_HIDDEN),
        "ReadonlyPaths": list(_READ_ONLY),
        "IpcMode": "none",
        "CgroupnsMode": "private",
        "PidsLimit": max(limits.processes, PROCESSES_LEAST),
        "Memory": memory,
        "MemorySwap": memory,
        "NanoCpus": int(min(CPUS, os.cpu_count() or 1) * 10**9),
        "OomScoreAdj": OOM_SCORE,
        "Ulimits": _ulimits(limits),
        "Tmpfs": _tmpfs(limits),
        "Mounts": [_mount(inside, place) for inside, place in {**shares.files, DOOR: shares.door}.items()],
        "LogConfig": {"Type": "none"},
        "RestartPolicy": {"Name": "no"},
    }


def _ulimits(limits: Limits) -> list[dict[str, Any]]:
    """Return the limits that each process inherits."""
    each = {"nofile": limits.open_files, "fsize": limits.file_bytes, "core": 0, "memlock": 0, "msgqueue": 0}
    return [{"Name": name, "Soft": value, "Hard": value} for name, value in each.items()]


def _tmpfs(limits: Limits) -> dict[str, str]:
    uid, gid = box_ids()
    sizes = folder_sizes(limits, shm_bytes=SHM_BYTES)
    same = f"nosuid,nodev,exec,mode=0700,uid={uid},gid={gid},nr_inodes={limits.files + FILES_ROOM}"
    return {folder: f"{same},size={sizes[folder]}" for folder in WRITABLE}


def _mount(inside: str, place: Path) -> dict[str, Any]:
    options = {"Propagation": "rprivate", "NonRecursive": True}
    return {"Type": "bind", "Source": str(place), "Target": inside, "ReadOnly": True, "BindOptions": options}
