"""Cores, units, and whether TensorFlow is to use oneDNN."""

import os

import pytest

from facepipe.core import machine
from facepipe.core.machine import ONEDNN, available_cores, cpu_flags, cpu_name, multiplies_bfloat16, use_onednn


def test_as_many_as_the_process_may_use():
    mine = os.sched_getaffinity(0)
    assert available_cores() == len(mine)
    os.sched_setaffinity(0, {min(mine)})
    try:
        assert available_cores() == 1
    finally:
        os.sched_setaffinity(0, mine)


def test_this_cpu_has_a_name():
    assert cpu_name()


@pytest.mark.parametrize(
    ("flags", "limit", "multiplies"),
    [
        ("fma avx2", None, False),
        ("avx2 avx512f avx512_vnni", None, False),
        ("avx2 avx512_bf16", None, True),
        ("avx2 amx_bf16", "", True),
        ("avx2 avx512_bf16 amx_bf16", "AVX2", False),
        ("avx2 avx512_bf16 amx_bf16", "avx512_core_vnni", False),
        ("avx2 avx512_bf16", "AVX512_CORE_BF16", True),
        ("avx2 amx_bf16", "DEFAULT", True),
    ],
)
def test_bfloat16_where_it_is_multiplied_and_allowed(flags, limit, multiplies, monkeypatch):
    monkeypatch.setattr(machine, "cpu_flags", lambda: frozenset(flags.split()))
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    if limit is not None:
        monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)
    assert multiplies_bfloat16() == multiplies


@pytest.mark.parametrize(
    ("flags", "users", "then"), [("avx avx2", None, "1"), ("avx2", "0", "0"), ("avx", None, None), ("", "1", "1")]
)
def test_onednn_where_there_is_avx2_and_the_user_says_nothing(flags, users, then, monkeypatch):
    monkeypatch.setattr(machine, "cpu_flags", lambda: frozenset(flags.split()))
    monkeypatch.setenv(ONEDNN, "to be put back")
    os.environ.pop(ONEDNN)
    if users:
        os.environ[ONEDNN] = users
    use_onednn()
    assert os.environ.get(ONEDNN) == then


def test_a_system_without_cpuinfo(monkeypatch):
    monkeypatch.setattr(machine, "Path", lambda path: _Missing())
    assert cpu_flags() == frozenset()
    assert cpu_name()


class _Missing:
    def exists(self):
        return False
