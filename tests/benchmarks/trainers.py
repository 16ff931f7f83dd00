"""Networks of a case in the hands of two older libraries: their own trainers, called as their guides call them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam
from torch.utils.data import DataLoader, TensorDataset
from torch_mimicry.nets.gan import gan
from torch_mimicry.training import Trainer as MimicryTrainer
from torchgan.losses import MinimaxDiscriminatorLoss, MinimaxGeneratorLoss
from torchgan.models import Discriminator, Generator
from torchgan.trainer import Trainer as TorchganTrainer

ADAM = {"lr": 2e-4, "betas": (0.5, 0.999)}
NEVER = 10**9


class Loader(DataLoader[tuple[Tensor, ...]]):
    """Batches of the set in random order, without end, for at an epoch's end torchgan saves and draws.

    stepped: called when a batch has been trained on, which is when the next one is asked for.
    """

    def __init__(self, data: TensorDataset, size: int, stepped: Callable[[], None]) -> None:
        super().__init__(data, size, shuffle=True)
        self.stepped = stepped

    def __iter__(self) -> Iterator[Any]:
        while True:
            for batch in super().__iter__():
                yield batch
                self.stepped()


class MimicryGenerator(gan.BaseGenerator):
    """A generator as torch-mimicry wants it."""

    def __init__(self, network: nn.Module, latent: int) -> None:
        super().__init__(nz=latent, ngf=0, bottom_width=0, loss_type="ns")
        self.network = network

    def forward(self, z: Tensor) -> Tensor:
        return self.network(z)


class MimicryDiscriminator(gan.BaseDiscriminator):
    """A discriminator as torch-mimicry wants it, whose losses take logits (N, 1)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__(ndf=0, loss_type="ns")
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images).logits.unsqueeze(1)


def mimicry(networks: Mapping[str, nn.Module], latent: int, loader: Loader, folder: str) -> None:
    """Train by torch-mimicry until the loader raises."""
    generator = MimicryGenerator(networks["generator"], latent)
    discriminator = MimicryDiscriminator(networks["discriminator"])
    MimicryTrainer(
        netD=discriminator,
        netG=generator,
        optD=Adam(discriminator.parameters(), **ADAM),
        optG=Adam(generator.parameters(), **ADAM),
        dataloader=loader,
        num_steps=NEVER,
        log_dir=folder,
        device=torch.device("cpu"),
        print_steps=NEVER,
        vis_steps=NEVER,
        save_steps=NEVER,
    ).train()


class TorchganGenerator(Generator):
    """A generator as torchgan wants it."""

    def __init__(self, network: nn.Module, latent: int) -> None:
        super().__init__(latent)
        self.network = network

    def forward(self, z: Tensor) -> Tensor:
        return self.network(z)


class TorchganDiscriminator(Discriminator):
    """A discriminator as torchgan wants it."""

    def __init__(self, network: nn.Module, channels: int) -> None:
        super().__init__(channels)
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images).logits


def torchgan(networks: Mapping[str, nn.Module], latent: int, loader: Loader, folder: str) -> None:
    """Train by torchgan until the loader raises."""
    optimizer = {"name": Adam, "args": ADAM}
    models = {
        "generator": {
            "name": TorchganGenerator,
            "args": {"network": networks["generator"], "latent": latent},
            "optimizer": optimizer,
        },
        "discriminator": {
            "name": TorchganDiscriminator,
            "args": {"network": networks["discriminator"], "channels": loader.dataset[0][0].shape[0]},
            "optimizer": optimizer,
        },
    }
    losses = [MinimaxGeneratorLoss(), MinimaxDiscriminatorLoss()]
    places = {"checkpoints": f"{folder}/model/gan", "recon": f"{folder}/images"}
    TorchganTrainer(models, losses, device=torch.device("cpu"), **places)(loader)
