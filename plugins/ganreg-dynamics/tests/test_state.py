"""Three steps, a checkpoint on the disk, and three from it end like six, bit for bit."""

import pytest

from ganreg import compose
from ganreg.engine.checkpoints import Checkpoints
from ganreg.engine.state import same

PLAYERS = ("generator", "discriminator")
ALTERNATING = "proofs/tiny-alternating"
LOOKAHEAD = {"name": "dynamics/lookahead-minmax", "interval": 2, "base": ALTERNATING}
SCHEDULES = [
    "dynamics/extragradient",
    {"name": "dynamics/extragradient", "moments": True},
    "dynamics/past-extragradient",
    {"name": "dynamics/past-extragradient", "moments": True},
    "dynamics/prediction",
    {"name": "dynamics/unrolled", "unrolled_steps": 2},
    LOOKAHEAD,
    {"name": "dynamics/lookahead-minmax", "interval": 3, "base": LOOKAHEAD},
    {"name": "dynamics/lookahead-minmax", "interval": 2, "base": "dynamics/past-extragradient"},
    {"name": "dynamics/logan", "share": 0.5, "base": ALTERNATING},
    {"name": "dynamics/adaptive-critic", "intense_steps": 3, "intense_first": 2, "intense_every": 4},
    "dynamics/balanced",
    "dynamics/loss-change",
    "dynamics/consensus",
    "dynamics/symplectic-gradient-adjustment",
    "dynamics/competitive-gradient-descent",
]
CURVE = {"end": 0.2, "steps": 4, "shape": "cosine"}
OPTIMIZERS = [
    {"name": "dynamics/optimistic-gradient-descent", "lr": 0.01},
    {"name": "dynamics/optimistic-adam", "lr": 0.01},
    {"name": "dynamics/negative-momentum", "lr": 0.01},
    {"name": "dynamics/annealed", "base": "proofs/tiny-adam", "lr": CURVE, "beta2": CURVE},
    {"name": "dynamics/annealed", "base": "proofs/tiny-sgd", "lr": CURVE},
    {"name": "dynamics/annealed", "base": "dynamics/optimistic-adam", "lr": CURVE},
]


@pytest.fixture
def survives(pictures, registry, tmp_path):
    """Whether a run survives. Returns its parts' state halfway and at the end."""

    def survives(**spec):
        run = compose(
            registry=registry,
            **{
                "data": pictures(image=(1, 8, 8), single=True),
                "generator": {"name": "proofs/tiny-generator", "normalized": True},
                "discriminator": "proofs/tiny-discriminator",
                "loss": "proofs/tiny-non-saturating",
                "game": "proofs/tiny-standard",
                "schedule": ALTERNATING,
                "latent": 4,
                "optimizers": {player: {"name": "proofs/tiny-adam", "lr": 0.01} for player in PLAYERS},
                "train": {"batch_size": 4, "device": "cpu"},
                **spec,
            },
        )
        whole, broken, resumed = (run.assemble().match for _ in range(3))
        steps(whole, 6)
        steps(broken, 3)
        checkpoints = Checkpoints(tmp_path / "checkpoints", keep=1)
        checkpoints.save(broken.state())
        resumed.load(checkpoints.newest()[0])
        steps(resumed, 3)
        assert same(resumed.state(), whole.state())
        return broken.state(), whole.state()

    return survives


def steps(match, count):
    for _ in range(count):
        match.step()


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_every_schedule_resumes(survives, schedule):
    survives(schedule=schedule)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_every_optimizer_resumes(survives, optimizer):
    survives(optimizers=dict.fromkeys(PLAYERS, optimizer))


def test_slow_weights_are_state(survives):
    halfway, end = survives(schedule=LOOKAHEAD)
    assert not same(halfway["parts"]["schedule"]["slow"], end["parts"]["schedule"]["slow"])


def test_the_count_of_updates_is_state(survives):
    halfway, end = survives(optimizers=dict.fromkeys(PLAYERS, OPTIMIZERS[4]))
    counts = [{v["updates"] for v in state["optimizers"]["generator"]["state"].values()} for state in (halfway, end)]
    assert counts == [{3}, {6}]


def test_an_annealed_penalty_goes_on_where_it_was(survives):
    curve = {"start": 0, "end": 1, "steps": 5}
    survives(penalties=[{"name": "dynamics/annealed", "base": "proofs/tiny-r1", "curve": curve, "every": 2}])
