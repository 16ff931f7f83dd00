"""How steps are timed, and what is said of the figures."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

SECONDS = 0.4
"""Of work between two changes from one loop to the next."""


def timed(work: Callable[[], None], steps: int) -> float:
    """Seconds that one step takes, of so many."""
    began = now()
    for _ in range(steps):
        work()
    return (now() - began) / steps


def now() -> float:
    """The clock, once an accelerator has done what it was asked to."""
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    return time.perf_counter()


def steps_of(work: Callable[[], None], seconds: float = SECONDS) -> int:
    """How many steps take so long; in sixteens where a penalty comes every sixteenth."""
    timed(work, 2)
    steps = max(1, round(seconds / timed(work, 3)))
    return steps if steps < 8 else -(-steps // 16) * 16


def milliseconds(seconds: Sequence[float]) -> float:
    """The median of a loop's rounds."""
    return round(1e3 * statistics.median(seconds), 3)


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """The quartiles of the rounds' ratios."""
    quartiles = statistics.quantiles([a / b for a, b in zip(ours, theirs, strict=True)], n=4)
    return [round(value, 3) for value in quartiles]


def machine() -> dict[str, Any]:
    """What the figures hang on."""
    return {
        "processor": torch.cuda.get_device_name() if torch.cuda.is_initialized() else processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": version("torch"),
        "ganreg": version("ganreg"),
    }


def processor() -> str:
    """Its name."""
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()
