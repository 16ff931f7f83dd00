"""A generator whose noise names a category."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, PositiveInt

from ganreg import Generator

if TYPE_CHECKING:
    from torch import nn

    from ganreg.task import Task


class CategoricalCode(Generator, name="categorical-code"):
    """InfoGAN's category (Chen et al., 2016; arXiv:1606.03657), for the penalty `mutual-information`.

    The first `categories` numbers of z become 1 where the largest of them is and 0 elsewhere, which makes every
    category as likely as any other; any installed generator then makes the picture.
    """

    base: Generator = Field(  # type: ignore[assignment]
        "classic/dcgan", examples=[{"name": "classic/dcgan", "width": 8}], description="the generator of pictures"
    )
    categories: PositiveInt = Field(10, description="how many numbers of z name the category")

    def check(self, task: Task) -> None:
        """Refuse what the base refuses, source pictures, and a z that is nothing but the category."""
        self.base.check(task)
        if task.source is not None:
            raise ValueError("makes pictures from noise, and the data has source pictures")
        if self.categories >= task.latent:
            raise ValueError(f"z has {task.latent} numbers, which leaves none beside {self.categories} categories")

    def build(self, task: Task) -> nn.Module:
        """z (N, latent) to images (N, C, H, W)."""
        from ganreg_losses.networks.heads import CategoricalCode

        return CategoricalCode(self.base.build(task), self.categories)
