"""Features to compare, and the packages of others where they can be imported."""

import warnings
from importlib import import_module
from types import ModuleType

import pytest
import torch

torch.set_num_threads(1)


def of_others(name: str) -> ModuleType:
    """A package that stands on torchvision; skips where one of the two is not installed.

    The torchvision of the package index is built for CUDA, and beside a torch without it its operators do not load.
    Those that its import speaks of are declared then; nothing here calls them.
    """
    try:
        import_module("torchvision")
    except ImportError:
        pytest.skip(f"{name} needs torchvision, which is not installed")
    except RuntimeError:
        for operator in ("nms", "qnms"):
            torch.library.define(f"torchvision::{operator}", "(Tensor dets, Tensor scores, float threshold) -> Tensor")
        import_module("torchvision")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name)


@pytest.fixture(scope="session")
def fidelity() -> ModuleType:
    return of_others("torch_fidelity")


@pytest.fixture(scope="session")
def timm() -> ModuleType:
    return of_others("timm")


@pytest.fixture(scope="session")
def sides() -> tuple[torch.Tensor, torch.Tensor]:
    """Features (500, 12) and (600, 12) of two distributions that overlap."""
    numbers = torch.Generator().manual_seed(0)
    mix = torch.randn(12, 12, generator=numbers)
    one = torch.randn(500, 12, generator=numbers) @ mix
    other = torch.randn(600, 12, generator=numbers) @ (mix + 0.3 * torch.randn(12, 12, generator=numbers)) + 0.5
    return one, other
