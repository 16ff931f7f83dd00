"""A discriminator part of which stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, PositiveInt

from ganreg import Discriminator

if TYPE_CHECKING:
    from torch import nn

    from ganreg.task import Task

SMALL = {"name": "classic/mlp", "widths": [8, 8]}
"""What it is tried on."""


class FreezeD(Discriminator, name="freeze-d"):
    """FreezeD (Mo et al., 2020; arXiv:2002.10964): any discriminator, whose first layers do not learn.

    For fine-tuning, where the weights come from another run: `init: runs/other` in the spec. Layers are the modules
    that have weights of their own, counted in the order in which the network made them, which mostly is the way from
    the picture to the logits. Statistics of batch normalization go on being taken.
    """

    base: Discriminator = Field(  # type: ignore[assignment]
        "classic/dcgan", examples=[SMALL], description="the discriminator: any that is installed"
    )
    layers: PositiveInt = Field(2, description="layers that are frozen")

    @property
    def provides(self) -> frozenset[str]:
        """What the base provides."""
        return frozenset(self.base.provides)

    def check(self, task: Task) -> None:
        """The base's."""
        self.base.check(task)

    def build(self, task: Task) -> nn.Module:
        """The base's network, its first layers without gradients."""
        network: nn.Module = self.base.build(task)
        layers = [module for module in network.modules() if next(module.parameters(recurse=False), None) is not None]
        if self.layers >= len(layers):
            raise ValueError(f"'{self.base.name}' has {len(layers)} layers: freeze fewer than that")
        for layer in layers[: self.layers]:
            layer.requires_grad_(False)
        return network
