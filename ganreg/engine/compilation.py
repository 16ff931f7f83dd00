"""What is compiled where `train.compile` asks for it: the networks, and the loss."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ganreg.engine.match import Match
from ganreg.engine.streams import untouched
from ganreg.errors import GanregError, brief
from ganreg.spec.runspec import RunSpec


def compile_parts(match: Match, again: Callable[[RunSpec], Match], say: Callable[[str], None]) -> None:
    """Compile each network, and the loss, with which a trial step then succeeds; of any other, say why it is not.

    again: makes a match of a spec as this one is. The trial is of full size, so that what it has compiled is there for
    the run. Not everything that can be compiled can be trained so: torch 2.13 may keep a buffer for the backward pass
    that the discriminator's next forward overwrites, as spectral normalization does.
    """
    spec = match.spec.model_copy(update={"metrics": ()})
    parts: dict[str, Callable[[Match], None]] = {
        **{f"the network '{name}'": partial(_compile, name) for name in match.networks},
        f"the loss '{match.spec.loss.name}'": lambda match: match.loss.compile(),
    }
    for part, compile_in in parts.items():
        say(f"compiling {part}, which may take a minute")
        with untouched():
            trial = again(spec)
            trial.lay_out(match.channels_last)
            compile_in(trial)
            try:
                trial.step()
            except Exception as error:  # if the compiler is not to blame, the run itself will fail, and tell
                reason = brief(error) if isinstance(error, GanregError) else f"{type(error).__name__}: {brief(error)}"
                say(f"{part} runs uncompiled: {reason}")
                continue
        compile_in(match)


def _compile(network: str, match: Match) -> None:
    match.networks[network].compile()
