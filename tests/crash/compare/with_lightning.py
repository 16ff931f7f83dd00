"""The toy with PyTorch Lightning: manual optimization, ModelCheckpoint, `fit(ckpt_path="last")`.

`careful` adds what Lightning's checkpoints leave out and its hooks let a user add: the state of the random numbers,
and a sampler whose position torchdata's loader saves.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO
from torch import Tensor
from torch.utils.data import Sampler
from torchdata.stateful_dataloader import StatefulDataLoader

from tests.crash.compare import toy

UPDATES = 2
"""Lightning counts every optimizer's update as a step of its own."""


class GAN(lightning.LightningModule):
    """Both networks, updated in turn."""

    def __init__(self, careful: bool) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.generator = toy.Generator()
        self.discriminator = toy.Discriminator()
        self.careful = careful

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        return [torch.optim.Adam(net.parameters(), **toy.ADAM) for net in (self.discriminator, self.generator)]

    def training_step(self, batch: list[Tensor], index: int) -> None:
        (real,) = batch
        first, second = self.optimizers()
        fake = self.generator(torch.randn(len(real), toy.LATENT)).detach()
        self.update(first, toy.discriminator_loss(self.discriminator(real), self.discriminator(fake)))
        fake = self.generator(torch.randn(len(real), toy.LATENT))
        self.update(second, toy.generator_loss(self.discriminator(fake)))

    def update(self, optimizer: Any, loss: Tensor) -> None:
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if self.careful:
            checkpoint["random"] = torch.get_rng_state()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if self.careful:
            torch.set_rng_state(checkpoint["random"])


class Shuffle(Sampler[int]):
    """An order that follows from seed and epoch, and whose position the loader saves."""

    def __init__(self) -> None:
        self.epoch = 0
        self.taken = 0

    def __iter__(self) -> Iterator[int]:
        if self.taken == toy.POINTS:
            self.epoch, self.taken = self.epoch + 1, 0
        luck = torch.Generator().manual_seed(toy.SEED + self.epoch)
        for index in torch.randperm(toy.POINTS, generator=luck).tolist()[self.taken :]:
            self.taken += 1
            yield index

    def __len__(self) -> int:
        return toy.POINTS

    def state_dict(self) -> dict[str, int]:
        return {"epoch": self.epoch, "taken": self.taken}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.epoch, self.taken = state["epoch"], state["taken"]


def careful_loader() -> StatefulDataLoader:
    """Its own generator keeps the loader from drawing from the global one whenever it starts."""
    luck = torch.Generator().manual_seed(toy.SEED)
    return StatefulDataLoader(toy.dataset(), toy.BATCH, sampler=Shuffle(), generator=luck)


def train(folder: Path, careful: bool = False) -> int:
    """Train, from the last checkpoint where the folder holds one."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    lightning.seed_everything(toy.SEED)
    loader = careful_loader() if careful else StatefulDataLoader(toy.dataset(), toy.BATCH, shuffle=True)
    trainer = lightning.Trainer(
        max_steps=UPDATES * toy.STEPS,
        accelerator="cpu",
        deterministic=True,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
        callbacks=[ModelCheckpoint(folder / "checkpoints", every_n_train_steps=UPDATES * toy.EVERY, save_last=True)],
    )
    trainer.fit(GAN(careful), loader, ckpt_path="last")
    return 0


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints under their final names, the newest, from which a run would go on, last."""
    return sorted((folder / "checkpoints").glob("*.ckpt"), key=lambda path: path.stat().st_mtime_ns)


def load(path: Path) -> dict[str, Tensor]:
    """The tensors of networks and optimizers in a checkpoint, as Lightning loads it."""
    state = TorchCheckpointIO().load_checkpoint(path)
    return toy.flatten({"networks": state["state_dict"], "optimizers": state["optimizer_states"]})
