"""What a call costs in a process of its own: whatever was imported or cached before would count otherwise."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any


def fresh(function: Callable[..., Any], *arguments: Any) -> tuple[Any, float]:
    """What a function of a module returns, and the MiB that its process has held at most."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_with_peak, function, arguments).result()


def peak() -> float:
    """MiB that this process has held at most."""
    # What getrusage says of a process begins with what its parent held.
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 2**10  # type: ignore[index]


def _with_peak(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, float]:
    return function(*arguments), peak()
