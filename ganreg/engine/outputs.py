"""What discriminators say: brought into one form, and put together by rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from ganreg.batch import DiscriminatorOutput

FIELDS = tuple(field.name for field in fields(DiscriminatorOutput))  # in one order: processes gather in turn


def as_output(value: Any, labels: Tensor | None) -> DiscriminatorOutput:
    """A DiscriminatorOutput from what a network returned, with the labels; heads in float32 at least."""
    if not isinstance(value, DiscriminatorOutput):
        return DiscriminatorOutput(logits=_full(value), labels=labels)
    fields = {name: getattr(value, name) for name in ("logits", "embedding", "class_logits")}
    changes: dict[str, Any] = {name: full for name, part in fields.items() if (full := _full(part)) is not part}
    if value.extra:
        changes["extra"] = {name: _full(part) for name, part in value.extra.items()}
    if value.labels is not labels:
        changes["labels"] = labels
    return replace(value, **changes) if changes else value


def by_row(change: Callable[..., Tensor], count: int, *outputs: DiscriminatorOutput) -> DiscriminatorOutput:
    """One output from those on `count` pictures each: `change` is given what they say of them, tensor by tensor.

    A tensor says something of each picture where its first size is their count, or that of the logits: a game may show
    pictures in packs, or several times. What does not, and what not all have, is the last one's.
    """
    counts = {count, *_rows(outputs[-1], count)}

    def changed(*values: Any) -> Any:
        last = values[-1]
        if isinstance(last, tuple | list) and all(isinstance(value, type(last)) for value in values):
            return tuple(map(changed, *values))
        if isinstance(last, Mapping):
            return {name: changed(*(value.get(name) for value in values)) for name in last}
        a_row_each = all(isinstance(value, Tensor) and value.dim() > 0 and len(value) in counts for value in values)
        return change(*values) if a_row_each else last

    return replace(outputs[-1], **{name: changed(*(getattr(output, name) for output in outputs)) for name in FIELDS})


def detached(value: Any) -> Any:
    """A tensor, or the tensors of an output, cut from the graph that they come from; anything else as it is."""
    if isinstance(value, Tensor):
        return value.detach()
    if isinstance(value, tuple | list):
        return tuple(map(detached, value))
    if isinstance(value, Mapping):
        return {name: detached(part) for name, part in value.items()}
    if isinstance(value, DiscriminatorOutput):
        return replace(value, **{name: detached(getattr(value, name)) for name in FIELDS})
    return value


def tensors_of(value: Any) -> list[Tensor]:
    """Every tensor that a network gives, an output's labels left out."""
    if isinstance(value, DiscriminatorOutput):
        value = (value.logits, value.features, value.embedding, value.class_logits, dict(value.extra))
    return [leaf for leaf in tree_leaves(value) if isinstance(leaf, Tensor)]


def _rows(output: DiscriminatorOutput, count: int) -> set[int]:
    """How many logits there are, where that is a multiple or a fraction of the pictures' count."""
    logits = next(output.scales()).logits
    rows = len(logits) if isinstance(logits, Tensor) and logits.dim() else 0
    return {rows} if rows and (rows % count == 0 or count % rows == 0) else set()


def _full(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return tuple(map(_full, value))
    half = isinstance(value, Tensor) and value.dtype in (torch.bfloat16, torch.float16)
    return value.float() if half else value
