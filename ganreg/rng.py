"""What a process has one of: the random generators from which strangers' code draws, and the modes of torch."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

import numpy as np
import torch

from ganreg.seeds import derive


@contextmanager
def keyed(seed: int, *purpose: str | int) -> Iterator[None]:
    """Within, the global generators start from a key alone; on leaving, they are what they were on entering."""
    with _restored():
        rekey(derive(seed, *purpose))
        yield


@contextmanager
def keyed_pictures(seed: int, *purpose: str | int) -> Iterator[None]:
    """Within, torch's global generators start from a key alone; on leaving, they are what they were on entering.

    Python's and numpy's go on: with them strangers toss coins, for all pictures at once.
    """
    with _forked():
        _rekey_torch(derive(seed, *purpose))
        yield


def rekey(key: int) -> None:
    """Seed the global generators: dropout draws from them, and so does whoever knows no others."""
    _rekey_torch(key)
    random.seed(key)
    np.random.seed(key % 2**32)


def _rekey_torch(key: int) -> None:
    # torch.manual_seed takes down a stack trace, and keeps it, for each kind of device that has not begun to be used.
    torch.default_generator.manual_seed(key)
    for device in (torch.cuda, torch.xpu):
        if device.is_initialized():
            device.manual_seed_all(key)
    if torch.backends.mps.is_available():
        torch.mps.manual_seed(key)


@contextmanager
def untouched() -> Iterator[None]:
    """On leaving, the global generators are what they were on entering: a run disturbs nobody else's draws.

    Nor is it disturbed: within, torch has none of the modes that its caller may have set, and that would make it
    another run, or none.
    """
    with _restored(), _unset():
        yield


@contextmanager
def _restored() -> Iterator[None]:
    python, numpy = random.getstate(), np.random.get_state()
    try:
        with _forked():
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


def _forked() -> AbstractContextManager[None]:
    """On leaving, torch's global generators are what they were on entering."""
    return torch.random.fork_rng(range(torch.cuda.device_count()))  # of several that are not named torch warns


@contextmanager
def _unset() -> Iterator[None]:
    """Within, gradients are kept, tensors are float32 and on the CPU where nobody says else, and nothing is cast."""
    dtype = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        with torch.inference_mode(False), torch.enable_grad(), ExitStack() as stack:
            if torch.get_default_device().type != "cpu":  # every call of torch's takes longer inside
                stack.enter_context(torch.device("cpu"))
            for kind in ("cpu", "cuda", "xpu", "mps"):
                if torch.is_autocast_enabled(kind):
                    stack.enter_context(torch.autocast(kind, enabled=False))
            yield
    finally:
        torch.set_default_dtype(dtype)
