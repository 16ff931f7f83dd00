"""The toy with accelerate: numbered checkpoints, `load_state()` of the newest, `skip_first_batches`.

`careful` adds the order of the data that follows from seed and epoch (`use_seedable_sampler`), and a generator of its
own for the loader, which else draws from the global one whenever it starts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator, DataLoaderConfiguration
from accelerate.utils import ProjectConfiguration, set_seed
from torch import Tensor
from torch.utils.data import DataLoader

from tests.crash.compare import toy


class Progress:
    """How far the run is, registered so that it goes into the checkpoints."""

    def __init__(self) -> None:
        self.step = 0

    def state_dict(self) -> dict[str, int]:
        return {"step": self.step}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.step = state["step"]


class Training:
    """Networks, optimizers and data, prepared."""

    def __init__(self, folder: Path, careful: bool) -> None:
        set_seed(toy.SEED, deterministic=True)
        self.accelerator = Accelerator(
            cpu=True,
            project_config=ProjectConfiguration(str(folder), automatic_checkpoint_naming=True, total_limit=toy.KEEP),
            dataloader_config=DataLoaderConfiguration(
                use_seedable_sampler=careful, data_seed=toy.SEED if careful else None
            ),
        )
        generator, discriminator = toy.Generator(), toy.Discriminator()
        optimizers = [torch.optim.Adam(net.parameters(), **toy.ADAM) for net in (generator, discriminator)]
        shuffle = torch.Generator().manual_seed(toy.SEED) if careful else None
        loader = DataLoader(toy.dataset(), toy.BATCH, shuffle=True, generator=shuffle)
        self.generator, self.discriminator, *self.optimizers, self.loader = self.accelerator.prepare(
            generator, discriminator, *optimizers, loader
        )
        self.progress = Progress()
        self.accelerator.register_for_checkpointing(self.progress)

    def resume(self, folder: Path) -> None:
        """Load the newest checkpoint, and number the next one after it."""
        found = checkpoints(folder)
        if found:
            self.accelerator.load_state()
            self.accelerator.project_configuration.iteration = number(found[-1]) + 1

    def run(self) -> None:
        """Train to the last step."""
        per_epoch = len(self.loader)
        while self.progress.step < toy.STEPS:
            epoch, done = divmod(self.progress.step, per_epoch)
            self.loader.set_epoch(epoch)
            loader = self.loader
            if done:
                loader = self.accelerator.skip_first_batches(self.loader, done)
            for (real,) in loader:
                self.step(real)
                self.progress.step += 1
                if self.progress.step % toy.EVERY == 0:
                    self.accelerator.save_state()
                if self.progress.step == toy.STEPS:
                    break

    def step(self, real: Tensor) -> None:
        """Update both networks in turn."""
        fake = self.generator(torch.randn(len(real), toy.LATENT)).detach()
        second, first = self.optimizers
        self.update(first, toy.discriminator_loss(self.discriminator(real), self.discriminator(fake)))
        fake = self.generator(torch.randn(len(real), toy.LATENT))
        self.update(second, toy.generator_loss(self.discriminator(fake)))

    def update(self, optimizer: Any, loss: Tensor) -> None:
        optimizer.zero_grad()
        self.accelerator.backward(loss)
        optimizer.step()


def train(folder: Path, careful: bool = False) -> int:
    """Train, from the last checkpoint where the folder holds one."""
    training = Training(folder, careful)
    training.resume(folder)
    training.run()
    return 0


def number(path: Path) -> int:
    """The number in a checkpoint's name."""
    return int(path.name.rsplit("_", 1)[1])


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints under their final names, the newest last."""
    return sorted((folder / "checkpoints").glob("checkpoint_*"), key=number)


def load(path: Path) -> dict[str, Tensor]:
    """The tensors of networks and optimizers in a checkpoint, as accelerate loads it."""
    training = Training(path.parent, careful=False)
    training.accelerator.load_state(str(path))
    networks = [net.state_dict() for net in (training.generator, training.discriminator)]
    return toy.flatten({"networks": networks, "optimizers": [o.state_dict() for o in training.optimizers]})
