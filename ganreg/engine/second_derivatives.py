"""What takes torch long to differentiate twice, by ways that are shorter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode

from ganreg.engine import convolutions, kinks

WAYS = dict.fromkeys(kinks.CALLS, kinks.bend) | dict.fromkeys(convolutions.CALLS, convolutions.convolve)
"""What is called in place of a function of torch's."""


class SecondDerivatives(TorchFunctionMode):
    """Within, activations with a kink, and convolutions, are differentiated twice at less cost."""

    def __torch_function__(self, function: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
        options = options or {}
        way = None if torch._C._are_functorch_transforms_active() else WAYS.get(function)
        return way(function, arguments, options) if way else function(*arguments, **options)


@contextmanager
def twice_differentiable() -> Iterator[None]:
    """Within, what is made can be differentiated twice: fused attention, which can be once alone, is kept from it."""
    with sdpa_kernel(SDPBackend.MATH), SecondDerivatives():
        yield
