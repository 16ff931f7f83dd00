"""What every proof is put through: the dry run, the update against plain torch, and the resume."""

import signal
from copy import deepcopy

import pytest
import torch

from ganreg import compose, load
from ganreg.engine.checkpoints import Checkpoints
from ganreg.engine.loop import Stop
from ganreg.engine.state import same
from ganreg.engine.streams import Stream
from ganreg.errors import Interrupted
from ganreg.seeds import derive

SEED, BATCH, LATENT, RATE = 3, 4, 6, 0.01
ADAM = {"name": "proofs/tiny-adam", "lr": RATE}


@pytest.fixture
def run(tmp_path):
    """A run of tiny parts; keys say what differs."""

    def run(folder="run", steps=4, **spec):
        parts = {
            "seed": SEED,
            "latent": LATENT,
            "data": "tiny-pictures",
            "generator": "tiny-generator",
            "discriminator": "tiny-discriminator",
            "loss": "proofs/tiny-hinge",
            "game": "tiny-standard",
            "schedule": "tiny-alternating",
            "optimizers": {"generator": ADAM, "discriminator": ADAM},
            "train": {"steps": steps, "batch_size": BATCH, "device": "cpu"},
            "output": {"folder": tmp_path / folder, "samples": 4, "log_every": 1},
        }
        return compose(**{**parts, **spec})

    return run


@pytest.fixture
def survives(run):
    """Whether a run that stops after a step, and is loaded from its folder to go on, ends like one that never stopped.

    The same: the last checkpoint, bit for bit, and the log. Returns that checkpoint.
    """

    def survives(after=2, steps=4, **spec):
        whole, broken = (run(folder, steps, **spec) for folder in ("whole", "broken"))
        whole.train()
        stop = Stop()

        def interrupt(step):
            if step == after - 1:
                stop.signal_number = signal.SIGINT

        with pytest.raises(Interrupted):
            broken.train(tick=interrupt, stop=stop)
        halfway = newest(broken.folder)
        assert halfway["step"] == after
        load(broken.folder).train(resume=True)
        state = newest(whole.folder)
        assert state["step"] == steps
        assert not same(halfway["networks"], state["networks"])
        assert same(newest(broken.folder), state)
        assert (broken.folder / "log.jsonl").read_text() == (whole.folder / "log.jsonl").read_text()
        return state

    return survives


def newest(folder):
    state, _ = Checkpoints(folder / "checkpoints", keep=1).newest()
    return state


@pytest.fixture
def reference(run):
    """An assembled run beside copies of its networks, which a test moves by hand; `reference(**spec)`."""
    return lambda **spec: Reference(run(**spec).assemble())


class Reference:
    """Plain torch beside the engine: copies of a run's networks, its real batches and its random numbers."""

    def __init__(self, training):
        self.match = training.match
        self.feed = training.feed
        self.networks = deepcopy(dict(self.match.networks))
        self.initial = {name: deepcopy(network.state_dict()) for name, network in self.networks.items()}

    def __getitem__(self, name):
        return self.networks[name]

    def batch(self, position):
        """Batch number `position` of the run."""
        return self.feed.batch(position)

    def z(self, step, player, turn=0):
        """The noise of one turn."""
        return self.match.noise(BATCH, "noise", step, turn)

    def random(self, purpose, step, player, turn=0, draw=1):
        """The numbers of the draw-th call of `play.random` in one turn."""
        return Stream(torch.device("cpu"), SEED, purpose, step, player, turn, draw)

    def stage(self, index, fade):
        """Bring the copies to a stage, their new layers drawn as the engine draws them."""
        torch.manual_seed(derive(SEED, "stage", index))
        for network in self.networks.values():
            network.set_stage(index, fade)

    def adam(self, *names):
        """Adam as the run has it, for the weights of some networks."""
        (eps,) = {optimizer.eps for optimizer in self.match.spec.optimizers.values()}
        return Descent([weight for name in names for weight in self.networks[name].parameters()], eps)

    def assert_reached(self, steps):
        """The engine's own steps lead where the copies have been led: every weight and buffer within 1e-6."""
        for _ in range(steps):
            self.match.step()
        for name, network in self.match.networks.items():
            reached = network.state_dict()
            assert not same(reached, self.initial[name]), f"{name} has not moved"
            torch.testing.assert_close(reached, self.networks[name].state_dict(), rtol=0, atol=1e-6)


class Descent:
    """Moves its own weights down a loss, and no others."""

    def __init__(self, weights, eps=1e-8):
        self.weights = weights
        self.optimizer = torch.optim.Adam(weights, lr=RATE, betas=(0.5, 0.999), eps=eps)

    def __call__(self, loss):
        self.look(loss)
        self.step()

    def look(self, loss):
        """Take the gradient, and stay."""
        gradients = torch.autograd.grad(loss, self.weights)
        for weight, gradient in zip(self.weights, gradients, strict=True):
            weight.grad = gradient

    def step(self):
        self.optimizer.step()
        self.optimizer.zero_grad()

    def follow(self, network):
        """Move all weights of a network that has grown: what it has lost stays behind, what is new joins."""
        known = set(map(id, self.weights))
        self.weights = list(network.parameters())
        self.optimizer.add_param_group({"params": [w for w in self.weights if id(w) not in known]})
