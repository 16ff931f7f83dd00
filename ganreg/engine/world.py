"""The processes that play a run together, one per device, and what they tell each other.

Every process plays its rows of each batch. torch.distributed is the engine: NCCL where each has a GPU of its own, Gloo
elsewhere. What is gathered is ordered as in one process, so that the number of processes changes a run by rounding
alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ganreg.engine.pulse import Pulse
from ganreg.engine.state import join, split
from ganreg.engine.tensor_file import raw
from ganreg.errors import Mistake, ProcessError, SpecError, brief
from ganreg.spec.runspec import Train

BUCKET = 2**23
"""Numbers that are averaged in one message: long enough to be worth one, short enough to be copied."""


class World:
    """The processes of a run, of which this one has number `rank`. Alone, all of this does nothing.

    divided: whether each plays rows of its own of a batch.

    Whatever is called here is called by all processes, in the same order. Raises ProcessError where one has ended.
    """

    def __init__(self, rank: int = 0, size: int = 1, pulse: Pulse | None = None) -> None:
        self.rank = rank
        self.size = size
        self._pulse = pulse
        self.divided = size > 1

    def __deepcopy__(self, memo: Any) -> World:
        """Itself: a network that knows its world is copied for a moving average."""
        return self

    @property
    def alone(self) -> bool:
        """Whether there is no other process."""
        return self.size == 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and speaks."""
        return self.rank == 0

    def own(self, part: slice) -> slice:
        """The rows of a part of a batch that are this process's."""
        rows = (part.stop - part.start) // self.size
        return slice(part.start + self.rank * rows, part.start + (self.rank + 1) * rows)

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Within, each process plays the whole batch for itself, and none is divided."""
        before, self.divided = self.divided, False
        try:
            yield
        finally:
            self.divided = before

    def check(self, train: Train) -> None:
        """Raise SpecError where a batch cannot be dealt out in equal shares."""
        if train.batch_size % (train.accumulate * self.size):
            parts = f" in {train.accumulate} parts" if train.accumulate > 1 else ""
            message = f"{self.size} processes cannot share a batch of {train.batch_size}{parts} equally"
            raise SpecError([Mistake(message, ("train", "batch_size"))])

    def gather(self, tensor: Tensor, *, alike: bool = False) -> Tensor:
        """The rows of all processes, (N, …) to (N·size, …); a number counts as one row.

        alike: that all of them compute the same of it, as of a loss. Then each knows the gradients of all, which takes
        no message.
        """
        if self.alone:
            return tensor
        rows = tensor.reshape(1) if tensor.dim() == 0 else tensor
        gathered: Tensor = _Gather.apply(rows, self, alike)  # type: ignore[no-untyped-call]
        return gathered

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Make each tensor the mean over all processes, in place; in flat buckets."""
        if self.alone:
            return
        for bucket in _buckets(tensors):
            flat = torch.cat([tensor.detach().reshape(-1) for tensor in bucket])
            with self.together():
                dist.all_reduce(flat)
            pieces = torch.split(flat / self.size, [tensor.numel() for tensor in bucket])
            for tensor, piece in zip(bucket, pieces, strict=True):
                tensor.detach().copy_(piece.reshape(tensor.shape))

    def average_gradients(
        self, parameters: Sequence[nn.Parameter], terms: dict[str, Tensor], optional: Sequence[str]
    ) -> dict[str, Tensor]:
        """Make each gradient the mean over all processes; the terms likewise.

        Who has no gradient where others have one counts as zero, and so does who has none of the optional terms; a head
        that nobody uses keeps none, and a term that nobody has stays out.
        """
        names = [*(name for name in terms if name not in optional), *optional]
        there = torch.tensor([*(p.grad is not None for p in parameters), *(n in terms for n in names)]).float()
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        device = parameters[0].device
        numbers = [terms[name].float() if name in terms else torch.zeros((), device=device) for name in names]
        self.average([there, *gradients, *numbers])
        with_gradient, with_term = there[: len(parameters)].tolist(), there[len(parameters) :].tolist()
        for parameter, gradient, share in zip(parameters, gradients, with_gradient, strict=True):
            parameter.grad = gradient if share else None
        return {name: number for name, number, share in zip(names, numbers, with_term, strict=True) if share}

    def follow(self, tensors: Sequence[Tensor]) -> None:
        """Make each tensor the first process's, in place."""
        if self.alone:
            return
        for device in dict.fromkeys(tensor.device for tensor in tensors):
            there = [tensor.detach() for tensor in tensors if tensor.device == device]
            flat = torch.cat([raw(tensor) for tensor in there])  # numbers of all types go in one message
            with self.together():
                dist.broadcast(flat, 0)
            if not self.first:
                for tensor, piece in zip(there, torch.split(flat, [tensor.nbytes for tensor in there]), strict=True):
                    tensor.copy_(piece.clone().view(tensor.dtype).reshape(tensor.shape))

    def most(self, number: int) -> int:
        """The largest of the processes' numbers."""
        if self.alone:
            return number
        found = torch.tensor(number)
        with self.together():
            dist.all_reduce(found, dist.ReduceOp.MAX)
        return int(found)

    def all(self, facts: Sequence[bool]) -> list[bool]:
        """Of each fact whether it is true in all processes."""
        if self.alone:
            return list(facts)
        found = torch.tensor(facts, dtype=torch.int32)
        with self.together():
            dist.all_reduce(found, dist.ReduceOp.MIN)
        return [bool(fact) for fact in found.tolist()]

    def agree(self, number: int) -> bool:
        """Whether all processes have the same number, which is below 2^62."""
        return self.most(number) == -self.most(-number)

    def share(self, state: Mapping[str, Any] | None, device: torch.device) -> dict[str, Any]:
        """The state that the first process gives; the others give None. It is a checkpoint's."""
        tensors: dict[str, Tensor] = {}
        plain = split(state, tensors)
        forms = [[name, str(t.dtype).removeprefix("torch."), list(t.shape)] for name, t in tensors.items()]
        words = json.dumps([plain, forms]).encode() if self.first else b""
        length = torch.tensor(len(words))
        with self.together():
            dist.broadcast(length, 0)
            text = torch.frombuffer(bytearray(words or int(length)), dtype=torch.uint8)
            dist.broadcast(text, 0)
            plain, forms = json.loads(text.numpy().tobytes())
            for name, kind, shape in forms:
                # Through its bytes: not every type of number is one that can be sent.
                whole = tensors[name] if self.first else torch.empty(shape, dtype=getattr(torch, kind))
                if whole.numel():
                    sent = raw(whole.to(device))
                    dist.broadcast(sent, 0)
                    whole = sent.cpu().view(whole.dtype).reshape(shape)
                tensors[name] = whole
        found: dict[str, Any] = join(plain, tensors)
        return found

    def leave(self) -> None:
        """Stay until all is done that is left to do, whoever else ends."""
        if self._pulse:
            self._pulse.leave()

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is done here is done by all processes; a failure of it is that of another one."""
        try:
            yield
        except RuntimeError as error:
            lost = self._pulse.lost() if self._pulse else None
            raise ProcessError(lost or f"the processes of this run cannot go on together: {brief(error)}") from error


ALONE = World()


class _Gather(torch.autograd.Function):
    """`World.gather`; it can be differentiated as often as it takes."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, world: World, alike: bool) -> Tensor:
        ctx.world, ctx.alike = world, alike
        sent = raw(tensor)  # not every type of number is one that can be sent
        rows = [torch.empty_like(sent) for _ in range(world.size)]
        with world.together():
            dist.all_gather(rows, sent)
        return torch.cat(rows).view(tensor.dtype).reshape(world.size * len(tensor), *tensor.shape[1:])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        world: World = ctx.world
        if not ctx.alike:
            return _Scatter.apply(gradient, world), None, None  # type: ignore[no-untyped-call]
        return _own(gradient, world) * world.size, None, None


class _Scatter(torch.autograd.Function):
    """What a gathered tensor's gradients in all processes make for the rows of this one: their sum."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, world: World) -> Tensor:
        ctx.world = world
        total = gradient.resolve_conj().resolve_neg().clone(memory_format=torch.contiguous_format)
        with world.together():
            dist.all_reduce(total)
        return _own(total, world)

    @staticmethod
    def backward(ctx: Any, change: Tensor) -> tuple[Tensor, None]:
        return ctx.world.gather(change), None


def _own(gathered: Tensor, world: World) -> Tensor:
    rows = len(gathered) // world.size
    return gathered.narrow(0, world.rank * rows, rows)


def _buckets(tensors: Sequence[Tensor]) -> Iterator[Sequence[Tensor]]:
    """Tensors of one type and device in groups of at most `BUCKET` numbers, a larger one by itself."""
    for kind in dict.fromkeys((tensor.dtype, tensor.device) for tensor in tensors):
        alike = [tensor for tensor in tensors if (tensor.dtype, tensor.device) == kind]
        starts, held = [0], 0
        for index, tensor in enumerate(alike):
            if held and held + tensor.numel() > BUCKET:
                starts.append(index)
                held = 0
            held += tensor.numel()
        yield from (alike[start:stop] for start, stop in pairwise([*starts, len(alike)]))
