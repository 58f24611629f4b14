"""The system call filter of a box. It refuses calls that no program under test needs.

The table exists as a classic BPF program and as the JSON profile of a container engine. Refused calls return EPERM, so
that libraries use another call instead. `clone3` returns ENOSYS, because the filter cannot read its flags; then every C
library uses `clone`. A call of a foreign architecture ends the process.
"""

import json
import os
import struct
from typing import NamedTuple

_EPERM, _ENOSYS, _EAFNOSUPPORT = 1, 38, 97
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD, _JUMP_EQUAL, _JUMP_GREATER_EQUAL, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _FIRST_AT, _SECOND_AT = (
    0,
    4,
    16,
    24,
)  # byte offsets in the kernel's seccomp_data, little-endian
_FOREIGN_ABI = 0x40000000  # flag of x32 calls on x86_64
_NEW_NAMESPACES = 0x7E020000  # all CLONE_NEW* flags of `clone`
_FAMILIES = (1, 2, 10)  # permitted socket families: unix, inet and inet6
_TERMINAL_INJECTION = (0x5412, 0x541C)  # ioctl requests TIOCSTI and TIOCLINUX


class Machine(NamedTuple):
    """One architecture: its audit number, and the numbers of the calls whose arguments the filter checks."""

    audit: int
    clone: int
    socket: int
    ioctl: int
    column: int  # index of the architecture's column in _REFUSED


_MACHINES = {
    "x86_64": Machine(0xC000003E, clone=56, socket=41, ioctl=16, column=0),
    "aarch64": Machine(0xC00000B7, clone=220, socket=198, ioctl=29, column=1),
}
_CLONE3 = 435
_REFUSED: dict[str, tuple[int | None, int | None]] = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "adjtimex": (159, 171),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "delete_module": (176, 106),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioperm": (173, None),
    "iopl": (172, None),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "lookup_dcookie": (212, 18),
    "memfd_secret": (447, 447),
    "modify_ldt": (154, None),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "personality": (135, 92),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "vhangup": (153, 58),
}


def filter_program() -> bytes | None:
    """Return the filter for bwrap's option --seccomp, or None for an unknown architecture."""
    machine = _MACHINES.get(os.uname().machine)
    if machine is None:
        return None
    lines = [
        _line(_LOAD, _ARCHITECTURE_AT),
        *_unless_equal(machine.audit, _KILL),
        _line(_LOAD, _NUMBER_AT),
        _line(_JUMP_GREATER_EQUAL, _FOREIGN_ABI, when_false=1),
        _line(_RETURN, _ERRNO | _ENOSYS),
        *_when_equal(_CLONE3, _ERRNO | _ENOSYS),
    ]
    for numbers in _REFUSED.values():
        number = numbers[machine.column]
        if number is not None:
            lines += _when_equal(number, _ERRNO | _EPERM)
    lines += _about(machine.clone, _FIRST_AT, [_line(_JUMP_ANY_BIT, _NEW_NAMESPACES, when_false=1), _refusal(_EPERM)])
    allowed = [part for family in _FAMILIES for part in _when_equal(family, _ALLOW)]
    lines += _about(machine.socket, _FIRST_AT, [*allowed, _refusal(_EAFNOSUPPORT)])
    injected = [part for request in _TERMINAL_INJECTION for part in _when_equal(request, _ERRNO | _EPERM)]
    lines += _about(machine.ioctl, _SECOND_AT, injected)
    return b"".join([*lines, _line(_RETURN, _ALLOW)])


def _line(code: int, value: int, *, when_true: int = 0, when_false: int = 0) -> bytes:
    """Return one BPF instruction. `when_true` and `when_false` are the numbers of instructions to skip."""
    return struct.pack("=HBBI", code, when_true, when_false, value)


def _refusal(error: int) -> bytes:
    return _line(_RETURN, _ERRNO | error)


def _when_equal(value: int, answer: int) -> list[bytes]:
    return [_line(_JUMP_EQUAL, value, when_false=1), _line(_RETURN, answer)]


def _unless_equal(value: int, answer: int) -> list[bytes]:
    return [_line(_JUMP_EQUAL, value, when_true=1), _line(_RETURN, answer)]


def _about(call: int, argument_at: int, checks: list[bytes]) -> list[bytes]:
    """Return instructions that check the low 32 bits of a call's argument. The kernel ignores the other bits."""
    inside = [_line(_LOAD, argument_at), *checks, _line(_RETURN, _ALLOW)]
    return [_line(_JUMP_EQUAL, call, when_false=len(inside)), *inside]


def filter_profile() -> str | None:
    """Return the filter as a container engine's JSON profile, or None for an unknown architecture."""
    machine = os.uname().machine
    if machine not in _MACHINES:
        return None
    whole = 0xFFFFFFFF  # the kernel reads only the low 32 bits of these arguments
    families = [("SCMP_CMP_LT", _FAMILIES[0]), ("SCMP_CMP_GT", _FAMILIES[-1])]
    families += [("SCMP_CMP_EQ", odd) for odd in range(*_FAMILIES[:: len(_FAMILIES) - 1]) if odd not in _FAMILIES]
    namespaces = [1 << bit for bit in range(32) if _NEW_NAMESPACES >> bit & 1]
    rules = [
        _refused([name for name, numbers in _REFUSED.items() if numbers[_MACHINES[machine].column] is not None]),
        _refused(["clone3"], _ENOSYS),
        *(_refused(["clone"], _EPERM, _argument(0, "SCMP_CMP_MASKED_EQ", bit, bit)) for bit in namespaces),
        *(_refused(["socket"], _EAFNOSUPPORT, _argument(0, compared, value)) for compared, value in families),
        *(_refused(["ioctl"], _EPERM, _argument(1, "SCMP_CMP_MASKED_EQ", whole, each)) for each in _TERMINAL_INJECTION),
    ]
    architecture = f"SCMP_ARCH_{machine.upper()}"
    return json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "architectures": [architecture], "syscalls": rules})


def _refused(names: list[str], error: int = _EPERM, *arguments: dict[str, object]) -> dict[str, object]:
    return {"names": names, "action": "SCMP_ACT_ERRNO", "errnoRet": error, "args": list(arguments)}


def _argument(index: int, compared: str, value: int, value_two: int = 0) -> dict[str, object]:
    return {"index": index, "op": compared, "value": value, "valueTwo": value_two}
