"""What a clock makes of the moments at which a device is done; the device and the moments are made up."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from ganreg.api import Run
from ganreg.engine import clock
from ganreg.engine.clock import Clock


@pytest.mark.parametrize(("behind", "idle"), [(0.0, True), (0.02, True), (0.5, False), (30.0, False)])
def test_a_device_that_is_never_behind_has_waited(
    tiny: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, behind: float, idle: bool
) -> None:
    """Steps of one second are launched; the device is done some seconds later."""
    moment = 0.0

    def wait(device: Any) -> None:
        nonlocal moment
        moment += behind

    monkeypatch.setattr(clock, "time", SimpleNamespace(perf_counter=lambda: moment))
    monkeypatch.setattr(torch.cuda, "synchronize", wait)
    match = tiny().assemble().match
    match.device = torch.device("cuda")
    found, watched = [], Clock(match, 0)
    for _ in range(3):
        match.step_index += 10
        moment += 10
        found.append(watched.finds_idle())
        watched.read()
    assert found == [False, idle, False]


def test_the_host_waits_for_nobody(tiny: Callable[..., Run]) -> None:
    match = tiny().assemble().match
    watched = Clock(match, 0)
    watched.read()
    match.step()
    assert not watched.finds_idle()
