"""The program that attacks by system calls. The arguments of each call make it harmless for any caller."""

CALLS = """
SMALL, LARGE = 4096, 0xFFFFFFFF
ANY_ZEROS = ctypes.create_string_buffer(SMALL)
COLUMN = {"x86_64": 0, "aarch64": 1}[os.uname().machine]
# name: (number on x86_64, on aarch64, needs a privilege, arguments)
TABLE = {
    "personality": (135, 92, False, (LARGE,)),
    "io_uring_setup": (425, 425, False, (0, None)),
    "io_uring_enter": (426, 426, False, (-1, 0, 0, 0, None, 0)),
    "io_uring_register": (427, 427, False, (-1, 0, None, 0)),
    "memfd_secret": (447, 447, False, (0,)),
    "modify_ldt": (154, None, False, (0, None, 0)),
    "keyctl": (250, 219, False, (0, -1, 0)),
    "add_key": (248, 217, False, (None, None, None, 0, 0)),
    "request_key": (249, 218, False, (None, None, None, 0)),
    "process_vm_readv": (310, 270, False, (os.getpid(), None, 0, None, 0, 0)),
    "process_vm_writev": (311, 271, False, (os.getpid(), None, 0, None, 0, 0)),
    "userfaultfd": (323, 282, False, (1,)),
    "perf_event_open": (298, 241, False, (None, 0, -1, -1, 0)),
    "name_to_handle_at": (303, 264, False, (-100, None, None, None, 0)),
    "kcmp": (312, 272, False, (os.getpid(), os.getpid(), 99, 0, 0)),
    "pidfd_getfd": (438, 438, False, (-1, 0, 0)),
    "setns": (308, 268, False, (-1, 0)),
    "adjtimex": (159, 171, False, (ANY_ZEROS,)),
    "clock_adjtime": (305, 266, False, (0, ANY_ZEROS)),
    "syslog": (103, 116, False, (10, None, 0)),
    "open_tree": (428, 428, False, (-1, b"x", 0)),
    "clone3": (435, 435, False, (None, 0)),
    "chroot": (161, 51, True, (None,)),
    "quotactl": (179, 60, True, (LARGE, None, 0, None)),
    "bpf": (321, 280, True, (-1, None, 0)),
    "lookup_dcookie": (212, 18, True, (0, None, 0)),
    "open_by_handle_at": (304, 265, True, (-1, None, 0)),
    "settimeofday": (164, 170, True, (None, None)),
    "clock_settime": (227, 112, True, (-1, None)),
    "init_module": (175, 105, True, (None, 0, None)),
    "finit_module": (313, 273, True, (-1, None, 0)),
    "delete_module": (176, 106, True, (None, 0)),
    "kexec_load": (246, 104, True, (0, 0, None, LARGE)),
    "kexec_file_load": (320, 294, True, (-1, -1, 0, None, LARGE)),
    "reboot": (169, 142, True, (0, 0, 0, None)),
    "swapon": (167, 224, True, (None, 0)),
    "swapoff": (168, 225, True, (None,)),
    "mount": (165, 40, True, (None, None, None, 0, None)),
    "umount2": (166, 39, True, (None, 0)),
    "pivot_root": (155, 41, True, (None, None)),
    "mount_setattr": (442, 442, True, (-1, None, LARGE, None, 0)),
    "move_mount": (429, 429, True, (-1, None, -1, None, LARGE)),
    "fsopen": (430, 430, True, (None, LARGE)),
    "fsconfig": (431, 431, True, (-1, LARGE, None, None, 0)),
    "fsmount": (432, 432, True, (-1, LARGE, 0)),
    "fspick": (433, 433, True, (-1, None, LARGE)),
    "acct": (163, 89, True, (b"",)),
    "iopl": (172, None, True, (0,)),
    "ioperm": (173, None, True, (0, 0, 0)),
    "vhangup": (153, 58, True, ()),
}
for name, (*numbers, privileged, arguments) in TABLE.items():
    number = numbers[COLUMN]
    if number is None or (privileged and not FACTS["all"]):
        continue
    ctypes.set_errno(0)
    answer = LIBC.syscall(number, *arguments)
    told = errno.errorcode.get(ctypes.get_errno(), "") if answer < 0 else str(answer)
    say(name, ("refused " if told in ("EPERM", "ENOSYS") else "got ") + told)
"""
