"""Every part with every other: a composition trains one step, or `check` refuses it with a reason.

Of what ganreg-classic offers every three parts are tried together. A part of another plugin is tried beside each of
those, and on the machine's accelerator, too, where it has one. `python -m tests.test_matrix` tries all combinations of
the first, and the others beside every two.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations, islice, product
from math import prod
from typing import Any

import pytest
import torch

import ganreg
from ganreg.api import Run
from ganreg.engine.guards import unsound
from ganreg.engine.match import Match
from ganreg.errors import SpecError
from ganreg.registry import Registry, first_party
from tests.engine.test_layout import weights
from tests.engine.test_recorder import beside

pytestmark = pytest.mark.needs("ganreg-classic", "ganreg-datasets")

REGISTRY = Registry.discover()
ACCELERATOR = torch.accelerator.current_accelerator(check_available=True)
DEVICES = ["cpu", str(ACCELERATOR)] if ACCELERATOR else ["cpu"]
on_all_devices = pytest.mark.parametrize("device", DEVICES)
CLASSIC = ("classic", "datasets")
SMALL: dict[str, dict[str, Any]] = {
    "classic/mlp": {"widths": [8]},
    "classic/conv": {"widths": [4]},
    "classic/dcgan": {"width": 4},
    "dynamics/adaptive-critic": {"intense_steps": 3},
}


def parts(kind: str) -> list[dict[str, Any]]:
    """The classic components of a kind, small where they have a size."""
    ids = [offer.id for offer in REGISTRY.offers(kind) if offer.plugin.namespace in CLASSIC]
    return [{"name": name, **SMALL.get(name, {})} for name in ids]


def name(part: dict[str, Any]) -> str:
    return str(part["name"])


def outcome(spec: dict[str, Any], enough: Callable[[Iterable[object]], bool] = all) -> str:
    """ "trains", or the reason of the refusal; raises for anything else. enough: of the players have to move."""
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
    moved = {
        player: any(not torch.equal(a, b) for a, b in zip(weights, match.player(player).parameters, strict=True))
        for player, weights in before.items()
    }
    assert enough(moved.values()), moved
    assert not unsound(match.networks)
    return "trains"


CHOICES: dict[str, list[Any]] = {
    **{kind: parts(kind) for kind in ("generator", "discriminator", "loss", "schedule")},
    "penalties": [[], *([penalty] for penalty in parts("penalty"))],
    "conditional": [False, True],
}


def compositions(share: int = 1) -> Iterator[dict[str, Any]]:
    """All combinations of classic parts, or one of so many of them: of four, every three choices still meet."""
    for places in product(*(range(len(of_key)) for of_key in CHOICES.values())):
        if sum(places) % share == 0:
            yield {key: of_key[place] for (key, of_key), place in zip(CHOICES.items(), places, strict=True)}


def test_every_three_choices_among_classic_parts_meet() -> None:
    sample = list(compositions(4))
    for keys in combinations(CHOICES, 3):
        met = {str([composition[key] for key in keys]) for composition in sample}
        assert len(met) == prod(len(CHOICES[key]) for key in keys)


@pytest.mark.parametrize("discriminator", parts("discriminator"), ids=name)
@pytest.mark.parametrize("generator", parts("generator"), ids=name)
def test_classic_parts_train_in_every_company(generator: dict[str, Any], discriminator: dict[str, Any]) -> None:
    chosen = [c for c in compositions(4) if (c["generator"], c["discriminator"]) == (generator, discriminator)]
    assert len(chosen) >= 20
    for composition in chosen:
        assert of_classic(composition) == "trains", composition


def of_classic(composition: dict[str, Any]) -> str:
    """What becomes of a combination of classic parts."""
    data = {"name": "proofs/tiny-pictures", "side": 28, "classes": 10}
    train = {"batch_size": 2, "device": "cpu"}
    return outcome({"data": data, "latent": 8, "ema": None, "train": train, **composition})


STRANGERS = [
    offer
    for offer in REGISTRY.offers()
    if offer.plugin.namespace in {"proofs", *first_party()} - {*CLASSIC}
    # What ganreg-classic has in full size, and what is data, are in the other tests.
    and offer.component.__module__ != "ganreg_proofs.textbook"
    and offer.component.kind != "dataset"
]
IN_STEPS = [offer for offer in STRANGERS if offer.component.kind not in ("metric", "observer", "extractor")]
PLACES = ("generator", "discriminator", "loss")


def placed(kind: str, part: dict[str, Any]) -> dict[str, Any]:
    """The part where a spec has those of its kind."""
    match kind:
        case "penalty":
            return {"penalties": [part]}
        case "metric" | "observer":
            return {f"{kind}s": [part]}
        case "extractor":
            return {"metrics": [{"name": "proofs/tiny-mean-distance", "extractor": part}]}
        case "optimizer":
            return {"optimizers": {"generator": part, "discriminator": part}}
        case "augmentation":
            return {"augment": part}
    return {kind: part}


def in_turn(kinds: Sequence[str]) -> Iterator[dict[str, dict[str, Any]]]:
    """Classic parts of these kinds, such that each of them comes."""
    offered = [parts(kind) for kind in kinds]
    for place in range(max(map(len, offered))):
        yield {kind: of_kind[place % len(of_kind)] for kind, of_kind in zip(kinds, offered, strict=True)}


def companies(kinds: Sequence[str]) -> Iterator[dict[str, dict[str, Any]]]:
    """Classic parts of these kinds, such that every two of different kinds meet."""
    offered = [parts(kind) for kind in kinds]
    for places in product(*(range(len(of_kind)) for of_kind in offered)):
        # Of three, every two of the later kinds meet once, and the first kind takes turns among them.
        if len(kinds) < 3 or sum(places) % len(offered[0]) == 0:
            yield {kind: of_kind[place] for kind, of_kind, place in zip(kinds, offered, places, strict=True)}


def test_every_two_classic_parts_meet_beside_a_strangers() -> None:
    chosen = list(companies(PLACES))
    for kinds in combinations(PLACES, 2):
        met = {tuple(name(company[kind]) for kind in kinds) for company in chosen}
        assert met == set(product(*([name(part) for part in parts(kind)] for kind in kinds)))


@on_all_devices
@pytest.mark.parametrize("offer", STRANGERS, ids=lambda o: f"{o.component.kind}-{o.component.name}")
def test_a_strangers_part_trains_among_classic_parts_or_is_refused_with_a_reason(offer: Any, device: str) -> None:
    # Who only looks on meets nobody.
    for reason in islice(outcomes(offer, device, in_turn), None if offer in IN_STEPS else 1):
        assert reason


def outcomes(offer: Any, device: str, among: Callable[[Sequence[str]], Iterable[dict[str, Any]]]) -> Iterator[str]:
    """What becomes of a stranger's part in each of its companies."""
    own = placed(offer.component.kind, {"name": offer.id, **SMALL.get(offer.id, {})})
    for company in among([kind for kind in PLACES if kind not in own]):
        spec: dict[str, Any] = {
            "data": {"name": "proofs/tiny-pictures", "classes": 10},
            "latent": 8,
            "train": {"batch_size": 2, "device": device},
            **company,
            **own,
        }
        # A schedule may let a player rest.
        yield outcome(spec, any if offer.component.kind == "schedule" else all)


@on_all_devices
@pytest.mark.parametrize("offer", IN_STEPS, ids=lambda o: f"{o.component.kind}-{o.component.name}")
def test_steps_with_a_strangers_part_are_replayed_as_they_are_played_or_not_at_all(offer: Any, device: str) -> None:
    """As CUDA graphs, or by a tape in place of them, beside the first classic parts that it trains among."""
    own = placed(offer.component.kind, {"name": offer.id, **SMALL.get(offer.id, {})})
    for company in companies([kind for kind in PLACES if kind not in own]):
        spec: dict[str, Any] = {
            "data": {"name": "proofs/tiny-pictures", "classes": 10},
            "latent": 24,
            "conditional": True,
            "train": {"batch_size": 4, "device": device},
            **company,
            **own,
        }
        try:
            run = ganreg.compose(registry=REGISTRY, **spec)
            run.check()
        except SpecError:
            continue
        if device == "cpu":
            played, said = beside(run, steps=6)
            assert (played == 3) == (said == ["steps are replayed from step 5 on"])
        else:
            graphs = {**spec, "train": {**spec["train"], "cuda_graphs": True}}
            there_and_replayed(run, ganreg.compose(registry=REGISTRY, **graphs))
        return


def there_and_replayed(plain: Run, graphs: Run, steps: int = 9) -> None:
    """Both come to the same weights on an accelerator, as nearly as two runs of one of them do."""
    said: list[str] = []
    matches: list[Match] = [plain.assemble().match, plain.assemble().match, graphs.assemble(say=said.append).match]
    start = in_one(matches[0])
    for match in matches:
        for _ in range(steps):
            match.step()
        match.guard.check()
        assert not unsound(match.networks)
    one, again, replayed = map(in_one, matches)
    apart, moved = float((one - again).norm()), float((one - start).norm())
    found = float((one - replayed).norm())
    print(f"{found / moved:.1e} of their change, {apart / moved:.1e} without; {said}")
    assert found <= 10 * apart + 1e-3 * moved, said


def in_one(match: Match) -> torch.Tensor:
    """A copy of all weights."""
    return torch.cat([weight.flatten() for weight in weights(match)])


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


if __name__ == "__main__":
    everything = [of_classic(composition) for composition in compositions()]
    print(f"ganreg-classic: {everything.count('trains')} of {len(everything)} combinations train", flush=True)
    for stranger, where in product(STRANGERS, DEVICES):
        found = list(outcomes(stranger, where, companies))
        print(f"{stranger.id} on {where}: trains in {found.count('trains')} of {len(found)} companies", flush=True)
