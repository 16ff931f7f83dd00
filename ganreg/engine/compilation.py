"""Compiled networks, where `train.compile` asks for them."""

from __future__ import annotations

from collections.abc import Callable

from ganreg.engine.match import Match
from ganreg.engine.streams import untouched
from ganreg.errors import GanregError, brief
from ganreg.spec.runspec import RunSpec


def compile_networks(match: Match, again: Callable[[RunSpec], Match], say: Callable[[str], None]) -> None:
    """Compile each network with which a trial step then succeeds; of any other, say why it stays as it is.

    again: makes a match of a spec as this one is. The trial is of full size, so that what it has compiled is there for
    the run. Not every network that can be compiled can be trained so: torch 2.13 may keep a buffer for the backward
    pass that the discriminator's next forward overwrites, as spectral normalization does.
    """
    spec = match.spec.model_copy(update={"metrics": ()})
    for name, network in match.networks.items():
        say(f"compiling the network '{name}', which may take a minute")
        with untouched():
            trial = again(spec)
            trial.lay_out(match.channels_last)
            trial.networks[name].compile()
            try:
                trial.step()
            except Exception as error:  # if the compiler is not to blame, the run itself will fail, and tell
                reason = brief(error) if isinstance(error, GanregError) else f"{type(error).__name__}: {brief(error)}"
                say(f"the network '{name}' runs uncompiled: {reason}")
            else:
                network.compile()
