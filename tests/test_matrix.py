"""Every part with every other: a composition trains one step, or `check` refuses it with a reason."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
import torch

import ganreg
from ganreg.engine.guards import Guard
from ganreg.errors import SpecError
from ganreg.registry import Registry

REGISTRY = Registry.discover()
FIRST_PARTY = ("classic", "datasets")
SMALL: dict[str, dict[str, Any]] = {
    "classic/mlp": {"widths": [8]},
    "classic/conv": {"widths": [4]},
    "classic/dcgan": {"width": 4},
}


def parts(kind: str) -> list[dict[str, Any]]:
    """The first-party components of a kind, small where they have a size."""
    ids = [offer.id for offer in REGISTRY.offers(kind) if offer.plugin.namespace in FIRST_PARTY]
    return [{"name": name, **SMALL.get(name, {})} for name in ids]


def name(part: dict[str, Any]) -> str:
    return str(part["name"])


def outcome(spec: dict[str, Any]) -> str:
    """ "trains", or the reason of the refusal; raises for anything else."""
    try:
        run = ganreg.compose(registry=REGISTRY, **spec)
        run.check()
    except SpecError as error:
        if not error.mistakes or not all(mistake.message and mistake.path for mistake in error.mistakes):
            raise
        return str(error)
    match = run.assemble().match
    before = {player: [p.clone() for p in match.player(player).parameters] for player in match.players}
    match.step()
    for player, weights in before.items():
        moved = [not torch.equal(a, b) for a, b in zip(weights, match.player(player).parameters, strict=True)]
        assert any(moved), f"{player} did not move"
    guard: Guard = match.guard
    guard.check(match.networks)
    return "trains"


def compositions(generator: dict[str, Any], discriminator: dict[str, Any]) -> Iterator[dict[str, Any]]:
    penalties = [[], *([penalty] for penalty in parts("penalty"))]
    for loss, terms, schedule, conditional in product(parts("loss"), penalties, parts("schedule"), (False, True)):
        yield {
            "data": "fashion-mnist-10k",
            "generator": generator,
            "discriminator": discriminator,
            "loss": loss,
            "penalties": terms,
            "schedule": schedule,
            "conditional": conditional,
            "latent": 8,
            "ema": None,
            "train": {"batch_size": 2, "device": "cpu"},
        }


@pytest.mark.parametrize("discriminator", parts("discriminator"), ids=name)
@pytest.mark.parametrize("generator", parts("generator"), ids=name)
def test_every_combination_of_first_party_parts_trains(
    generator: dict[str, Any], discriminator: dict[str, Any]
) -> None:
    found = [(spec, outcome(spec)) for spec in compositions(generator, discriminator)]
    assert len(found) >= 80
    assert [(spec, reason) for spec, reason in found if reason != "trains"] == []


PROOFS = [o for o in REGISTRY.offers() if o.plugin.namespace == "proofs" and o.component.kind not in ("dataset",)]


@pytest.mark.parametrize("offer", PROOFS, ids=lambda o: f"{o.component.kind}-{o.component.name}")
def test_a_strangers_part_trains_among_first_party_parts_or_is_refused_with_a_reason(offer: Any) -> None:
    kind, own = offer.component.kind, {"name": offer.id}
    key = {"augmentation": "augment"}.get(kind, kind)
    for generator, discriminator, loss in product(parts("generator"), parts("discriminator"), parts("loss")):
        spec: dict[str, Any] = {
            "data": {"name": "fashion-mnist-10k", "size": 8},
            "generator": generator,
            "discriminator": discriminator,
            "loss": loss,
            "latent": 8,
            "train": {"batch_size": 2, "device": "cpu"},
        }
        spec |= {"penalties": [own]} if kind == "penalty" else {key: own}
        assert outcome(spec)


@pytest.mark.parametrize("size", [8, 16, 28, 32, 30, 7])
def test_every_generator_meets_every_size_or_refuses_it(size: int) -> None:
    for generator, discriminator in product(parts("generator"), parts("discriminator")):
        spec = {
            "data": {"name": "fashion-mnist-10k", "size": size},
            "generator": generator,
            "discriminator": discriminator,
            "loss": "hinge",
            "train": {"batch_size": 2, "device": "cpu"},
        }
        fits = size in (8, 16, 28, 32) or "classic/dcgan" not in (generator["name"], discriminator["name"])
        assert (outcome(spec) == "trains") == fits
