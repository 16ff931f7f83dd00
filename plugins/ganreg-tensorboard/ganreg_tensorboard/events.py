"""What a run tells, as event files."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from torch.utils.tensorboard import SummaryWriter

from ganreg.engine.folder import opened


class Events:
    """Writes what it hears. A file is opened at the first event: its step says how far earlier ones hold."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._spec: Mapping[str, Any] = {}
        self._writer: SummaryWriter | None = None
        self._step = 0

    def started(self, folder: Path, spec: Mapping[str, Any]) -> None:
        """The run begins or goes on."""
        self._close()
        self._folder, self._spec = folder / "tensorboard", spec

    def logged(self, step: int, values: Mapping[str, float]) -> None:
        """Losses or metrics, as scalars."""
        for name, value in values.items():
            self._at(step).add_scalar(name, value, step)

    def sampled(self, step: int, picture: Path) -> None:
        """A grid of samples."""
        self.drawn(step, "samples", picture)

    def drawn(self, step: int, name: str, picture: Path) -> None:
        """A picture of that name."""
        with opened(picture) as image:
            pixels = np.asarray(image.convert("RGB"))
        writer = self._at(step)
        writer.add_image(name, pixels, step, dataformats="HWC")
        writer.flush()

    def finished(self, step: int) -> None:
        """The run ended."""
        self._close()

    def _at(self, step: int) -> SummaryWriter:
        """The writer, for a step. Where a run goes back, what stands in the files from that step on is void."""
        if self._writer is None:
            self._writer = self._opened(step)
        elif step < self._step:
            start = SessionLog(status=SessionLog.START)
            self._writer.file_writer.add_event(Event(step=step, session_log=start))
        self._step = step
        return self._writer

    def _opened(self, step: int) -> SummaryWriter:
        assert self._folder is not None, "a run starts before it tells anything"
        before = sorted(self._folder.glob("events.out.tfevents.*"))
        if step == 0:  # all that they hold is void, and TensorBoard would go on showing the text of another run
            for path in before:
                path.unlink()
        else:
            _date_back(before, int(time.time()))
        writer = SummaryWriter(str(self._folder), purge_step=step)
        if step == 0 or not before:
            writer.add_text("spec", f"```json\n{json.dumps(self._spec, indent=2)}\n```", step)
        return writer

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer = None


def _date_back(files: Sequence[Path], now: int) -> None:
    """Give files, in their order, names of before a time: they are read in the order of their names.

    These have a resolution of seconds, and clocks of machines differ.
    """
    for age, path in zip(range(len(files), 0, -1), files, strict=True):
        words = path.name.split(".")
        if int(words[3]) > now - age:
            path.rename(path.with_name(".".join([*words[:3], f"{now - age:010d}", *words[4:]])))
