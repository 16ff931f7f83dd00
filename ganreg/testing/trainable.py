"""Weights that a match trains, and no player moves."""

from __future__ import annotations

from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from ganreg.engine.hidden import MACHINERY
from ganreg.engine.match import Match


def trainable(match: Match) -> dict[str, Tensor]:
    """Leaves that want gradients, by name, and are no parameter of a network."""
    parts = [(f"networks.{name}", network) for name, network in match.networks.items()]
    found: dict[str, Tensor] = {}
    for name, part in (*parts, *match.parts.others()):
        for inner, module in part.named_modules(prefix=name) if isinstance(part, nn.Module) else ((name, part),):
            held = {key: value for key, value in getattr(module, "__dict__", {}).items() if key not in MACHINERY}
            held.update(getattr(module, "_buffers", {}))
            if not name.startswith("networks."):
                held.update(getattr(module, "_parameters", {}))
            for key, value in held.items():
                for leaf in tree_leaves(value):
                    if isinstance(leaf, Tensor) and leaf.requires_grad and leaf.is_leaf:
                        found.setdefault(f"{inner}.{key}", leaf)
    return found
