"""What a step changes of a match, and whether another one has changed the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ganreg.engine.hidden import on_the_host
from ganreg.engine.restore import saved
from ganreg.engine.state import leaves, same

if TYPE_CHECKING:
    from ganreg.engine.match import Match

SHARE = 0.05
"""By which the change of networks, optimizers or parts may differ when a step is replayed: rounding is far below."""


class State:
    """What a step changes of a match: the tensors on its device with copies of them, and what the host holds.

    The host holds more than the state: what a part remembers beside it counts, too.
    """

    def __init__(self, match: Match) -> None:
        state = saved(match)
        found = leaves({key: state[key] for key in ("networks", "optimizers", "parts")})
        held = {"/".join(path): value for path, value in found}
        self._tensors = {path: value for path, value in held.items() if _is_on(value, match.device)}
        self._copies = {path: tensor.detach().clone() for path, tensor in self._tensors.items()}
        self._host = {path: value for path, value in held.items() if path not in self._tensors} | on_the_host(match)

    def put_back(self) -> None:
        """Make the tensors what they were."""
        with torch.no_grad():
            for path, tensor in self._tensors.items():
                tensor.copy_(self._copies[path])

    def kept_otherwise(self, after: State) -> Iterator[str]:
        """Why the state after a step cannot be reached by doing the same with the same tensors."""
        for path, value in after._host.items():
            if path not in self._host or not same(self._host[path], value):
                yield f"'{path}' changes on the host"
        for path, tensor in after._tensors.items():
            if path not in self._tensors or self._tensors[path].data_ptr() != tensor.data_ptr():
                yield f"'{path}' is another tensor after each step"
        for path in {**self._host, **self._tensors}.keys() - {**after._host, **after._tensors}.keys():
            yield f"'{path}' is gone after a step"

    def differently(self, one: State, other: State) -> str | None:
        """In which of two states after the same step something has come out otherwise, in words; None in neither."""
        change: dict[str, float] = defaultdict(float)
        difference: dict[str, float] = defaultdict(float)
        for path, before in self._copies.items():
            a, b = one._copies[path], other._copies[path]
            if not before.is_floating_point():
                if not torch.equal(a, b):
                    return f"'{path}' comes out otherwise in a replay"
                continue
            group = path.partition("/")[0]
            change[group] += _square(a, before)
            difference[group] += _square(a, b)
        for group, square in difference.items():
            if not square <= SHARE**2 * change[group]:
                return f"the {group} come out otherwise in a replay"
        return None


def _is_on(value: Any, device: torch.device) -> bool:
    return isinstance(value, Tensor) and value.device.type == device.type


def _square(one: Tensor, other: Tensor) -> float:
    return float((one.double() - other.double()).square().sum())
