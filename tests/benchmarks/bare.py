"""The loop that a good engineer would write without a framework: same networks, batch, optimizer and moving average."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ganreg.api import Run
from ganreg.assembly import assemble
from ganreg.batch import Batch
from ganreg.spec.compatibility import task_of


def loop(
    spec: Mapping[str, Any], generator: nn.Module, discriminator: nn.Module, data: Batch, *, fused: bool
) -> Callable[[], None]:
    """A function that does one step, on the networks' device.

    fused: with torch's fused Adam in place of the one that it has by default.
    """
    device = next(generator.parameters()).device
    data = data.to(device)
    size, latent = spec["train"]["batch_size"], spec["latent"]
    critics = spec.get("schedule", {}).get("discriminator_steps", 1)
    penalty = {p["name"].rpartition("/")[2]: p for p in spec.get("penalties", ())}
    wasserstein = spec["loss"].endswith("wasserstein")
    conditional = spec.get("conditional", False)
    average = deepcopy(generator).requires_grad_(False)
    ours, theirs = list(average.parameters()), list(generator.parameters())
    optimizers = [
        torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999), fused=fused)
        for network in (generator, discriminator)
    ]
    order = Order(len(data), size, device)
    updates = 0

    def judge(images: Tensor, labels: Tensor | None) -> Tensor:
        output = discriminator(images, labels)
        return output if isinstance(output, Tensor) else output.logits

    def gradient(images: Tensor, labels: Tensor | None) -> Tensor:
        images = images.detach().requires_grad_()
        return torch.autograd.grad(judge(images, labels).sum(), images, create_graph=True)[0].flatten(1)

    def train_discriminator() -> None:
        nonlocal updates
        rows = order.next()
        real = data.images[rows].float().div_(127.5).sub_(1)
        labels = data.labels[rows] if conditional and data.labels is not None else None
        with torch.no_grad():
            fake = generator(torch.randn(size, latent, device=device), labels)
        optimizers[1].zero_grad(set_to_none=True)
        r, f = judge(real, labels), judge(fake, labels)
        loss = f.mean() - r.mean() if wasserstein else softplus(-r).mean() + softplus(f).mean()
        if "r1" in penalty and updates % penalty["r1"]["every"] == 0:
            factor = penalty["r1"]["weight"] * penalty["r1"]["every"]
            loss = loss + factor * 0.5 * gradient(real, labels).square().sum(1).mean()
        if "gradient-penalty" in penalty:
            between = fake + torch.rand(size, 1, 1, 1, device=device) * (real - fake)
            norms = torch.linalg.vector_norm(gradient(between, labels), dim=1)
            loss = loss + penalty["gradient-penalty"]["weight"] * (norms - 1).square().mean()
        loss.backward()
        optimizers[1].step()
        updates += 1

    def train_generator() -> None:
        labels = data.labels[order.last] if conditional and data.labels is not None else None
        optimizers[0].zero_grad(set_to_none=True)
        discriminator.requires_grad_(False)
        f = judge(generator(torch.randn(size, latent, device=device), labels), labels)
        (-f.mean() if wasserstein else softplus(-f).mean()).backward()
        discriminator.requires_grad_(True)
        optimizers[0].step()

    def step() -> None:
        for _ in range(critics):
            train_discriminator()
        train_generator()
        with torch.no_grad():
            torch._foreach_lerp_(ours, theirs, 0.001)
            for mine, theirs_ in zip(average.buffers(), generator.buffers(), strict=True):
                mine.copy_(theirs_)

    return step


def loop_of(run: Run, spec: Mapping[str, Any], device: torch.device, *, fused: bool = False) -> Callable[[], None]:
    """The same with the networks and data of a run, made anew."""
    task = task_of(run.spec, run.spec.data.info())
    networks, data = assemble(run.spec, task, device).networks, run.spec.data.build(task)
    return loop(spec, networks["generator"], networks["discriminator"], data, fused=fused)


class Order:
    """Rows of one batch after another, the set in random order."""

    def __init__(self, count: int, size: int, device: torch.device) -> None:
        self._count = count
        self._size = size
        self._device = device
        self._left = torch.randperm(count, device=device)
        self.last = self._left[:size]

    def next(self) -> Tensor:
        """The rows of the next batch."""
        if len(self._left) < self._size:
            self._left = torch.randperm(self._count, device=self._device)
        self.last, self._left = self._left[: self._size], self._left[self._size :]
        return self.last
