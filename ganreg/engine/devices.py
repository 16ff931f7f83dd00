"""Which device a run uses."""

from __future__ import annotations

import torch

from ganreg import processes
from ganreg.errors import Mistake, SpecError


def resolve(name: str) -> torch.device:
    """The device of `train.device`; "auto" is the accelerator of this machine, else the CPU.

    Where several processes play on a machine, each has the accelerator of its own number. Raises SpecError for a
    device that is not there.
    """
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    device = (accelerator or torch.device("cpu")) if name == "auto" else torch.device(name)
    if device.type != "cpu" and device.index is None and processes.size() > 1:
        device = torch.device(device.type, processes.local_rank())
    present = accelerator is not None and accelerator.type == device.type
    if device.type != "cpu" and not (present and (device.index or 0) < torch.accelerator.device_count()):
        raise SpecError([Mistake(f"there is no device '{name}' on this machine", ("train", "device"), hint="try auto")])
    return device


def multiplies_bf16(device: torch.device) -> bool:
    """Whether convolutions and dense layers have fast kernels for bfloat16 there."""
    if device.type != "cpu" or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return True
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
