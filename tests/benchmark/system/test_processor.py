"""What the CPU can do, as Linux tells it."""

from __future__ import annotations

import pytest

from benchmark.system import processor


@pytest.fixture
def cpuinfo(tmp_path, monkeypatch):
    def write(text: str | None) -> None:
        path = tmp_path / "cpuinfo"
        if text is not None:
            path.write_text(text)
        monkeypatch.setattr(processor, "CPUINFO", path)
        processor._entries.cache_clear()

    yield write
    processor._entries.cache_clear()


@pytest.mark.parametrize(("text", "expected"), [
    ("processor\t: 0\nmodel name\t: A\nflags\t\t: fpu avx512_bf16 sse\n\nprocessor\t: 1\n", True),
    ("processor\t: 0\nflags\t\t: fpu amx_bf16\n", True),
    ("processor\t: 0\nFeatures\t: fp asimd bf16\n", True),
    ("processor\t: 0\nflags\t\t: fpu avx2 avx512f avx512_vnni\n", False),
    ("processor\t: 0\nflags\t\t: avx512_bf16x\n", False),
    ("", False),
    (None, False),
])  # fmt: skip
def test_bfloat16_is_used_where_the_cpu_has_instructions_for_it(cpuinfo, text, expected):
    cpuinfo(text)
    assert processor.multiplies_bfloat16() is expected


def test_the_name_of_the_cpu_is_the_first_ones(cpuinfo):
    cpuinfo("processor\t: 0\nmodel name\t: Fast 9000\n\nprocessor\t: 1\nmodel name\t: Slow\n")
    assert processor.processor() == "Fast 9000"


def test_instructions_are_found_by_any_of_their_names(cpuinfo):
    cpuinfo("processor\t: 0\nflags\t\t: fpu avx2 avx512_vnni\n")
    assert processor.has_instructions("avx_vnni", "avx512_vnni") and not processor.has_instructions("vnni", "avx_vnni")
