"""What the CPU of this machine is and can do."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")


def processor() -> str:
    """Return the name of the CPU."""
    return _entries().get("model name") or platform.processor() or platform.machine()


def multiplies_bfloat16() -> bool:
    """Return whether the CPU has instructions that multiply bfloat16; without them it is slower than float32.

    They are AVX512-BF16, AMX-BF16 and Arm's BF16, as Linux names them in /proc/cpuinfo.
    Other systems do not tell, and count as without.
    """
    return has_instructions("avx512_bf16", "amx_bf16", "bf16")


def has_instructions(*names: str) -> bool:
    """Return whether the CPU has one of these sets of instructions, by their names in Linux's /proc/cpuinfo."""
    flags = f"{_entries().get('flags', '')} {_entries().get('Features', '')}".split()
    return not set(names).isdisjoint(flags)


@cache
def _entries() -> dict[str, str]:
    """Return the first CPU's entries in /proc/cpuinfo; empty where there is no such file."""
    try:
        first = CPUINFO.read_text(encoding="utf-8", errors="replace").partition("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}
