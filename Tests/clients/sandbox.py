"""What deploy/tickerd.service forbids, put on a process here without systemd: its system calls, by libseccomp.

Of the unit it takes SystemCallFilter=, RestrictAddressFamilies= and MemoryDenyWriteExecute=. What systemd answers
with EPERM kills here: nothing that the filter stops can go unseen.
"""

import ctypes
import ctypes.util
import functools
import os
import re
import subprocess

ALLOW, KILL = 0x7FFF_0000, 0x8000_0000
EQUAL, MASKED_EQUAL = 4, 7
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10}
PROT_EXEC, PROT_WRITE = 4, 2


class Comparison(ctypes.Structure):
    """seccomp.h: struct scmp_arg_cmp."""

    _fields_ = [("argument", ctypes.c_uint), ("operator", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


@functools.cache
def library():
    """libseccomp, or None."""
    name = ctypes.util.find_library("seccomp") or "libseccomp.so.2"
    try:
        found = ctypes.CDLL(name)
    except OSError:
        return None
    found.seccomp_init.restype = ctypes.c_void_p
    found.seccomp_init.argtypes = [ctypes.c_uint32]
    found.seccomp_rule_add_array.argtypes = [
        ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.POINTER(Comparison)]
    found.seccomp_load.argtypes = [ctypes.c_void_p]
    return found


def settings(unit, name):
    """All values of a setting, in order."""
    return re.findall(rf"^{name}=(.*)$", unit, re.M)


def calls_of(word, analyze):
    """The system calls that a word of SystemCallFilter= stands for."""
    if not word.startswith("@"):
        return {word}
    said = subprocess.run([analyze, "syscall-filter", word], capture_output=True, text=True, check=True).stdout
    found = set()
    for line in said.splitlines()[1:]:
        if (inner := line.strip()) and not inner.startswith("#"):
            found |= calls_of(inner, analyze)
    return found


def allowed(unit, analyze):
    """As systemd.exec(5) has it: the first line says whether what is named is allowed, later ones add or take away."""
    found = calls_of("@default", analyze)
    for line in settings(unit, "SystemCallFilter"):
        named = set().union(*(calls_of(word, analyze) for word in line.lstrip("~").split()))
        found = found - named if line.startswith("~") else found | named
    return found


def rule(context, action, call, *comparisons):
    number = library().seccomp_syscall_resolve_name(call.encode())
    if number >= 0:  # Below it is another machine's.
        array = (Comparison * len(comparisons))(*comparisons)
        assert library().seccomp_rule_add_array(context, action, number, len(comparisons), array) == 0, call


def confine(unit, analyze):
    """What a child calls before it becomes the program."""
    calls, families = sorted(allowed(unit, analyze)), settings(unit, "RestrictAddressFamilies")[-1].split()
    assert settings(unit, "MemoryDenyWriteExecute") == ["yes"]

    def apply():
        filters = library().seccomp_init(KILL)
        for call in calls:
            if call != "socket":
                rule(filters, ALLOW, call)
        for family in families:
            rule(filters, ALLOW, "socket", Comparison(0, EQUAL, FAMILIES[family], 0))
        both = PROT_EXEC | PROT_WRITE
        code = library().seccomp_init(ALLOW)
        rule(code, KILL, "mmap", Comparison(2, MASKED_EQUAL, both, both))
        rule(code, KILL, "mprotect", Comparison(2, MASKED_EQUAL, PROT_EXEC, PROT_EXEC))
        rule(code, KILL, "pkey_mprotect", Comparison(2, MASKED_EQUAL, PROT_EXEC, PROT_EXEC))
        for each in (code, filters):
            if library().seccomp_load(each) != 0:
                os._exit(99)

    return apply
