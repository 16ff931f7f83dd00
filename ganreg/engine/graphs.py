"""How the kernels of some work are recorded, to be launched together from then on."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Protocol

import torch

Work = Callable[[], None]


class Graphs(Protocol):
    """How kernels are recorded."""

    def rehearse(self, work: Work) -> None:
        """Do some work as it will be done where it is recorded."""

    def record(self, work: Work) -> Work:
        """What does again all that the work's kernels do, in the same tensors."""


class CudaGraphs:
    """Kernels recorded as CUDA graphs, which share their memory."""

    def __init__(self, device: torch.device) -> None:
        self._index = torch.cuda.current_device() if device.index is None else device.index
        self._stream = torch.cuda.Stream(self._index)  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle()

    def rehearse(self, work: Work) -> None:
        """On the stream on which will be recorded."""
        now = torch.cuda.current_stream(self._index)
        self._stream.wait_stream(now)
        with torch.cuda.stream(self._stream):
            work()
        now.wait_stream(self._stream)

    def record(self, work: Work) -> Work:
        """The kernels do not run before the first replay."""
        graph = torch.cuda.CUDAGraph()
        gc.collect()  # what is freed later would be freed in the midst of the recording
        try:
            with (
                torch.cuda.device(self._index),
                torch.cuda.graph(graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"),
            ):
                work()
        except Exception:
            # The global generator would go on as if it were still recorded.
            fresh = torch.Generator(torch.device("cuda", self._index))
            torch.cuda.default_generators[self._index].graphsafe_set_state(fresh.graphsafe_get_state())
            raise
        return graph.replay
