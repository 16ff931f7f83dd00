"""What is compiled where `train.compile` asks for it: the networks, and the loss."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ganreg.engine.match import Match
from ganreg.engine.trial import Again, failure
from ganreg.errors import GanregError, brief


def compile_parts(match: Match, again: Again, say: Callable[[str], None]) -> None:
    """Compile each network, and the loss, with which a trial step then succeeds; of any other, say why it is not.

    The trial is of full size, so that what it has compiled is there for the run. Not everything that can be compiled
    can be trained so: torch 2.13 may keep a buffer for the backward pass that the discriminator's next forward
    overwrites, as spectral normalization does.
    """
    parts: dict[str, Callable[[Match], None]] = {
        **{f"the network '{name}'": partial(_compile, name) for name in match.networks},
        f"the loss '{match.spec.loss.name}'": lambda match: match.loss.compile(),
    }
    for part, compile_in in parts.items():
        say(f"compiling {part}, which may take a minute")
        error = failure(again, match.spec, partial(_laid_out, match.channels_last, compile_in))
        if error is None:
            compile_in(match)
            continue
        reason = brief(error) if isinstance(error, GanregError) else f"{type(error).__name__}: {brief(error)}"
        say(f"{part} runs uncompiled: {reason}")


def _laid_out(channels_last: bool, compile_in: Callable[[Match], None], trial: Match) -> None:
    """Compile as in the run, whose kernels lie in this order."""
    trial.lay_out(channels_last)
    compile_in(trial)


def _compile(network: str, match: Match) -> None:
    match.networks[network].compile()
