"""How the processes that a launcher has started come together for a run."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.rendezvous import rendezvous

from ganreg import processes
from ganreg.engine.devices import resolve
from ganreg.engine.pulse import Pulse
from ganreg.engine.world import ALONE, World

PATIENCE = timedelta(days=7)
"""Others may wait for a process as long as it lives: a metric takes hours. That it has ended is told by its pulse."""
_joins = count()


@contextmanager
def joined(device: str) -> Iterator[World]:
    """The processes of this run, from what the launcher has put into the environment; alone where there is none.

    device: that of the spec. A process group that is there already is used, and left as it is. Raises SpecError for a
    device that is not there.
    """
    if processes.size() == 1:
        yield ALONE
        return
    mine = resolve(device)
    if mine.type != "cpu":
        torch.accelerator.set_device_index(mine.index or 0)
    store, rank, size = next(iter(rendezvous("env://")))
    place = f"{processes.restarts()}/{next(_joins)}"  # what others have left in the store is not for this run
    began = not dist.is_initialized()
    if began:
        gloo = mine.type == "cpu" or _shared(_under(f"device/{place}", store), rank, size, mine)
        backend = "gloo" if gloo else f"cpu:gloo,{mine.type}:nccl"
        group = _under(f"group/{place}", store)
        dist.init_process_group(backend, store=group, rank=rank, world_size=size, timeout=PATIENCE)
    try:
        with Pulse(_under(f"pulse/{place}", store), rank, size) as pulse:
            yield World(rank, size, pulse)
    finally:
        if began:
            dist.destroy_process_group()


def _under(prefix: str, store: Any) -> Any:
    """A store whose keys are under a prefix."""
    return dist.PrefixStore(prefix, store)  # type: ignore[attr-defined]


def _shared(store: Any, rank: int, size: int, device: torch.device) -> bool:
    """Whether two of the processes play on one device, which NCCL refuses."""
    store.set(str(rank), f"{socket.gethostname()} {device}")
    return len({store.get(str(other)) for other in range(size)}) < size
