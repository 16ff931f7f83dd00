"""What discriminators say: brought into one form, and put together by rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ganreg.batch import DiscriminatorOutput


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


def by_row(
    change: Callable[..., Tensor], count: int, fields: Collection[str], *outputs: DiscriminatorOutput
) -> DiscriminatorOutput:
    """One output from those of `count` pictures each: `change` is given what they say of them, tensor by tensor.

    What has not a row for each picture, and other fields, are those of the last.
    """

    def changed(*values: Any) -> Any:
        last = values[-1]
        if isinstance(last, tuple | list):
            return tuple(map(changed, *values))
        if isinstance(last, Mapping):
            return {name: changed(*(value[name] for value in values)) for name in last}
        a_row_each = isinstance(last, Tensor) and last.dim() > 0 and len(last) == count
        return change(*values) if a_row_each else last

    return replace(outputs[-1], **{name: changed(*(getattr(output, name) for output in outputs)) for name in fields})


def _full(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return tuple(map(_full, value))
    half = isinstance(value, Tensor) and value.dtype in (torch.bfloat16, torch.float16)
    return value.float() if half else value
