"""Datasets of pictures for ganreg."""

from __future__ import annotations

from ganreg import Dataset, hookimpl
from ganreg_datasets.fashion import FashionMNIST, FashionMNIST10k
from ganreg_datasets.folder import ImageFolder

__all__ = ["FashionMNIST", "FashionMNIST10k", "ImageFolder"]


@hookimpl
def ganreg_components() -> list[type[Dataset]]:
    """The datasets of this plugin."""
    return [FashionMNIST10k, FashionMNIST, ImageFolder]
