"""Which of a run's processes this one is, as its launcher told it: one per device under `torchrun`; no torch here."""

from __future__ import annotations

import os


def rank() -> int:
    """This process among those of the run, from 0; the first one writes and speaks."""
    return _told("RANK", 0)


def size() -> int:
    """How many processes play the run together."""
    return _told("WORLD_SIZE", 1)


def local_rank() -> int:
    """This process among those of its machine: the number of its device."""
    return _told("LOCAL_RANK", rank())


def restarts() -> int:
    """How often the launcher has started the run's processes again, after one had failed."""
    return _told("TORCHELASTIC_RESTART_COUNT", 0)


def launch() -> str:
    """What the launcher calls this launch; the same after a restart, and nothing without one."""
    return os.environ.get("TORCHELASTIC_RUN_ID", "")


def _told(name: str, default: int) -> int:
    value = os.environ.get(name, "")
    return int(value) if value.isdecimal() else default
