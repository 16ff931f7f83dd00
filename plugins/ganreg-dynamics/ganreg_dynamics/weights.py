"""The players' weights, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

    from ganreg.engine.match import Match


def named_weights(game: Match) -> dict[str, nn.Parameter]:
    """Every player's trainable weights, by the player's and the weight's name."""
    found = {}
    for player in map(game.player, game.players):
        names = player.names()
        found.update({f"{player.name}/{names[id(weight)]}": weight for weight in player.parameters})
    return found
