"""The weights of another run, for the networks of a new one to start from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from ganreg.engine.checkpoints import Checkpoints
from ganreg.engine.match import Match
from ganreg.errors import CheckpointError, Mistake, SpecError, brief
from ganreg.spec.runspec import Init, RunSpec


def given_to(spec: RunSpec, say: Callable[[str], None]) -> dict[str, Any] | None:
    """The state of the run that a spec starts from; None where it starts from no other. say: hears which it is.

    Raises SpecError where there is none.
    """
    if spec.init is None:
        return None
    try:
        state, skipped = Checkpoints(spec.init.run / "checkpoints", keep=1).newest()
    except (CheckpointError, OSError) as error:
        raise _refusal(error) from error
    for sentence in skipped:
        say(f"skipped: {sentence}")
    say(f"starting from the weights of {spec.init.run} at step {state['step']}")
    return state


def heritage(init: Init, state: Mapping[str, Any], networks: Mapping[str, nn.Module]) -> dict[str, Any]:
    """What of the other run's state these networks start from.

    Raises SpecError where a network has other weights there, by name or by shape.
    """
    try:
        theirs = state["networks"]
        named = [name for name in networks if name in theirs] if init.networks is None else init.networks
        if not named:
            raise CheckpointError(f"{init.run} has none of {', '.join(networks)}, but {', '.join(theirs)}")
        for name in named:
            _compare(init, name, networks, theirs)
    except CheckpointError as error:
        raise _refusal(error) from error
    averages = {name: state["ema"].get(name, theirs[name]) for name in named}
    return {"networks": {name: theirs[name] for name in named}, "ema": averages}


def inherit(match: Match, state: Mapping[str, Any]) -> None:
    """Give a match's networks what they start from of the state of the run that its spec names.

    Each average continues the other run's, where that has one. Raises SpecError as `heritage` does.
    """
    assert match.spec.init is not None
    found = heritage(match.spec.init, state, match.networks)
    for name, weights in found["networks"].items():
        match.networks[name].load_state_dict(weights)
    for name, average in match.ema.networks.items() if match.ema else ():
        if name in found["ema"]:
            average.load_state_dict(found["ema"][name])


def _refusal(error: Exception) -> SpecError:
    return SpecError([Mistake(f"cannot start from there: {brief(error)}", ("init",))])


def _compare(init: Init, name: str, networks: Mapping[str, nn.Module], theirs: Mapping[str, Any]) -> None:
    for who, known in (("this run", networks), (str(init.run), theirs)):
        if name not in known:
            raise CheckpointError(f"{who} has no network '{name}', but {', '.join(known)}")
    here = {key: tuple(value.shape) for key, value in networks[name].state_dict().items()}
    there = {key: tuple(value.shape) for key, value in theirs[name].items()}
    for key in {**here, **there}:
        if here.get(key) != there.get(key):
            ours, other = (shapes.get(key, "not there") for shapes in (here, there))
            raise CheckpointError(f"the network '{name}' differs: its '{key}' is {ours} here and {other} in {init.run}")
