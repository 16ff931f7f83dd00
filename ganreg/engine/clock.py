"""How long training takes, and whether a device waits for Python meanwhile."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from ganreg.engine.match import Match

IDLE = 0.1
"""Of a step: a device that is done sooner than this, once Python has launched a step's kernels, has been waiting."""


class Clock:
    """Seconds of training, on top of those before a resume, and pictures per second since the last reading."""

    def __init__(self, match: Match, before: float) -> None:
        self._match = match
        self._last = time.perf_counter()
        self._start = self._last - before
        self._position = match.position
        self._step = match.step_index
        self._readings = 0

    def read(self) -> dict[str, float]:
        """seconds: of training so far. images_per_second: real pictures, since last time."""
        now, pictures = time.perf_counter(), self._match.position - self._position
        speed = pictures * self._match.spec.train.batch_size / max(now - self._last, 1e-9)
        self._last, self._position, self._step = now, self._match.position, self._match.step_index
        self._readings += 1
        return {"seconds": round(now - self._start, 3), "images_per_second": round(speed, 1)}

    def finds_idle(self) -> bool:
        """Whether a CUDA device waits for Python, between the first reading and the second.

        Before, libraries load and choose their kernels. A device that has enough to do is steps behind, and this waits
        for it.
        """
        if self._match.device.type != "cuda" or self._readings != 1:
            return False
        now = time.perf_counter()
        torch.cuda.synchronize(self._match.device)
        per_step = (now - self._last) / max(self._match.step_index - self._step, 1)
        return time.perf_counter() - now < IDLE * per_step
