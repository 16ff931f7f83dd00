"""What is promised of devices, on one that is no CPU; where there is none, as on most machines, nothing is tested."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import ganreg
from ganreg import Augmentation, Penalty, Task
from ganreg.api import Run
from ganreg.batch import Batch
from ganreg.engine.feed import Feed
from ganreg.engine.match import Match
from ganreg.engine.play import Play
from ganreg.errors import DivergenceError
from tests.conftest import TINY
from tests.engine.test_convolutions import check_gradients
from tests.engine.test_layout import Draws, Judges
from tests.engine.test_recorder import FUSED, Dropping, Torchs, Watching

Tiny = Callable[..., Run]
DEVICE = torch.accelerator.current_accelerator(check_available=True)
pytestmark = pytest.mark.skipif(DEVICE is None, reason="no accelerator on this machine")
graphs = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA on this machine")


@pytest.fixture
def there(tiny: Tiny) -> Tiny:
    """`tiny` on the accelerator."""

    def make(**changes: Any) -> Run:
        train = {"device": str(DEVICE), **changes.pop("train", {})}
        return tiny(**{"optimizers": FUSED, **changes}, train=train)

    return make


def close(one: Match, other: Match, tolerance: float = 1e-3) -> None:
    """Raise where their weights are farther from each other than rounding takes them."""
    for name, network in one.networks.items():
        for a, b in zip(network.parameters(), other.networks[name].parameters(), strict=True):
            torch.testing.assert_close(a.cpu(), b.cpu(), rtol=tolerance, atol=tolerance)


class Pair(Augmentation, name="pair"):
    """One inside another, as combinators are."""

    inner: Augmentation

    def __call__(self, images: Tensor, random: Any) -> Tensor:
        return self.inner(images, random)


def test_a_part_inside_another_is_on_the_device(there: Tiny) -> None:
    run = there(augment={"name": "tiny-ada", "initial": 0.5}).assemble()
    run.match.step()
    inner = there(augment=Pair(inner=ganreg.component("augmentation", "tiny-ada", initial=0.5))).assemble()
    inner.match.step()
    close(run.match, inner.match)


class Past(Penalty, name="past"):
    """Remembers a weight in a state of its own."""

    def build(self, task: Task) -> Any:
        return Remembered()


class Remembered:
    """What `past` builds."""

    def __init__(self) -> None:
        self.weight: Tensor | None = None

    def __call__(self, play: Play) -> Tensor | None:
        return None if self.weight is None else (play.parameters()[0] - self.weight).square().sum()

    def after_update(self, play: Play) -> None:
        if play.player == "discriminator":
            self.weight = play.parameters()[0].detach().clone()

    def state_dict(self) -> dict[str, Any]:
        return {"weight": self.weight}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.weight = state["weight"]


def test_a_run_goes_on_where_it_was_stopped(there: Tiny) -> None:
    whole = there(name="whole", penalties=[Past()], train={"steps": 6}).train()
    there(name="halves", penalties=[Past()], train={"steps": 3}).train()
    again = there(name="halves", penalties=[Past()], train={"steps": 6}).train(resume=True)
    assert whole.training
    assert again.training
    assert again.training.match.step_index == 6
    close(whole.training.match, again.training.match)


def test_a_run_with_channels_last_is_gone_on_with_and_sampled(there: Tiny) -> None:
    changes = {"generator": Draws(), "discriminator": Judges()}
    whole = there(name="whole", **changes, train={"steps": 6}).train()
    there(name="halves", **changes, train={"steps": 3}).train()
    again = there(name="halves", **changes, train={"steps": 6}).train(resume=True)
    assert whole.training
    assert whole.training.match.channels_last
    assert again.training
    close(whole.training.match, again.training.match)
    sampled = Run(again.spec, again.registry, again.document, again.folder).sample(4)
    torch.testing.assert_close(sampled, again.sample(4))


def test_the_device_makes_no_other_run(tiny: Tiny, there: Tiny) -> None:
    """Weights, noise of the data's order and labels are the same; what the device draws is its own."""
    here, far = tiny(optimizers=FUSED).assemble().match, there().assemble().match
    close(here, far, 0)
    torch.testing.assert_close(here.sources.read(0, slice(0, 4)).images, far.sources.read(0, slice(0, 4)).images.cpu())


def test_a_number_that_is_not_finite_stops_the_run_before_a_checkpoint(there: Tiny) -> None:
    class Bad(Penalty, name="bad"):
        """NaN from the third step on."""

        def __call__(self, play: Play) -> Tensor:
            return play.real.sum() * (math.nan if play.step >= 2 else 0)

    run = there(penalties=[Bad()], output={"log_every": 6, "checkpoint_every": 6})
    with pytest.raises(DivergenceError, match="step 3, the discriminator's turn: the term 'bad'"):
        run.train()
    assert not list((run.folder / "checkpoints").glob("0*"))


R1 = {"name": "tiny-r1", "weight": 2, "every": 3}
REPLAYED: dict[str, dict[str, Any]] = {
    "alternating": {},
    "r1": {"penalties": [R1]},
    "conditional": {"conditional": True},
    "ada": {"augment": {"name": "tiny-ada", "initial": 0.5}},
    "extragradient": {"schedule": "tiny-extragradient"},
    "half": {"train": {"precision": "bf16"}},
    "clipped": {"train": {"clip": 0.1, "accumulate": 2}},
    "counting on the host": {"optimizers": {"generator": "tiny-adam", "discriminator": "tiny-adam"}},
}


@graphs
@pytest.mark.parametrize("changes", REPLAYED.values(), ids=REPLAYED)
def test_a_run_of_replayed_steps_reaches_the_weights_of_another(there: Tiny, changes: dict[str, Any]) -> None:
    said: dict[str, list[str]] = {"played": [], "replayed": []}
    matches = []
    for name, sentences in said.items():
        train = {"steps": 12, "cuda_graphs": name == "replayed", **changes.get("train", {})}
        run = there(**{**changes, "name": name, "train": train}).train(say=sentences.append)
        assert run.training
        matches.append(run.training.match)
    close(*matches, 1e-2)
    assert said["replayed"] == ["steps are replayed from step 5 on"]


@graphs
def test_a_device_that_waits_for_python_is_told_of_once(there: Tiny) -> None:
    """A step of a few small layers is launched in milliseconds, and done in the same moment."""
    said: list[str] = []
    there(train={"steps": 12}).train(say=said.append)
    assert len(said) == 1
    assert "train.cuda_graphs=true" in said[0]


TORCHS = ("ASGD", "Adadelta", "Adagrad", "AdamW", "Adamax", "NAdam", "RAdam", "RMSprop", "Rprop", "SGD")


@graphs
@pytest.mark.parametrize("optimizer", TORCHS)
def test_torchs_optimizers_are_replayed_or_told(there: Tiny, optimizer: str) -> None:
    said: list[str] = []
    changes = {"optimizers": {"generator": Torchs(optimizer=optimizer), "discriminator": Torchs(optimizer=optimizer)}}
    plain = there(**changes).assemble().match
    match = there(**changes, train={"cuda_graphs": True}).assemble(say=said.append).match
    for _ in range(9):
        plain.step()
        match.step()
    close(plain, match)
    refused = "steps are not replayed: torch.optim.adagrad does '_local_scalar_dense'"  # it counts on the host alone
    assert said[0].startswith(refused if optimizer == "Adagrad" else "steps are replayed from step 5 on")


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_convolutions_have_torchs_second_derivatives(order: torch.memory_format, bf16: bool) -> None:
    torch.manual_seed(0)
    layers = (nn.Conv2d(3, 16, 4, 2, 1), nn.SiLU(), nn.ConvTranspose2d(16, 16, 4, 2, 1), nn.LeakyReLU(0.2))
    network = nn.Sequential(*layers, nn.Conv2d(16, 4, 3, padding=1, groups=2), nn.Flatten(), nn.Linear(4 * 256, 1))
    network = network.to(DEVICE).to(memory_format=order)
    with torch.backends.cudnn.flags(allow_tf32=False):
        check_gradients(network, torch.randn(4, 3, 16, 16, device=DEVICE), bf16=bf16)


@graphs
def test_dropout_is_that_of_the_step(there: Tiny) -> None:
    plain = there(discriminator=Dropping()).assemble().match
    match = there(discriminator=Dropping(), train={"cuda_graphs": True}).assemble().match
    for _ in range(9):
        plain.step()
        match.step()
    close(plain, match, 1e-2)


@graphs
def test_a_step_that_reads_a_number_is_played_and_the_run_goes_on(there: Tiny) -> None:
    """The global generator, too: dropout draws from it after a recording that has failed."""
    said: list[str] = []
    changes = {"discriminator": Dropping(), "penalties": [Watching(see=lambda play: float(play.real.mean()))]}
    plain = there(**changes).assemble().match
    run = there(**changes, train={"cuda_graphs": True}).assemble(say=said.append)
    for _ in range(9):
        plain.step()
        run.match.step()
    close(plain, run.match)
    (sentence,) = said
    assert sentence.startswith("steps are not replayed: ")


@graphs
def test_two_processes_share_a_device(tmp_path: Path) -> None:
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps({**TINY, "train": {"steps": 6, "batch_size": 4, "device": "cuda:0"}}))
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
    for processes in ("1", "2"):
        words = [*launch, processes, "-m", "ganreg", "run", str(spec), "--out", str(tmp_path / processes)]
        subprocess.run(words, check=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    matches = [ganreg.load(tmp_path / processes)._trained.at("latest")[0] for processes in ("1", "2")]
    close(*matches)


@graphs
def test_networks_that_are_compiled_are_replayed(there: Tiny) -> None:
    said: list[str] = []
    plain = there(loss="tiny-non-saturating").assemble().match
    train = {"cuda_graphs": True, "compile": True}
    run = there(loss="tiny-non-saturating", train=train).assemble(say=said.append)
    for _ in range(9):
        plain.step()
        run.match.step()
    close(plain, run.match, 1e-2)
    assert said[-1] == "steps are replayed from step 5 on"


def test_a_set_has_one_fingerprint_wherever_it_lies() -> None:
    data = Batch(torch.arange(256, dtype=torch.uint8).view(4, 1, 8, 8))
    devices = (torch.device("cpu"), torch.device(DEVICE or "cpu"))
    assert len({Feed(data, 4, 0, device, labels=False).fingerprint for device in devices}) == 1
