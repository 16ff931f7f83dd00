"""Extragradient (Gidel et al., 2018; arXiv:1802.10551): look ahead, then step by what was seen there."""

from ganreg import Schedule


class Extragradient(Schedule, name="tiny-extragradient"):
    """ω' = ω - η F(ω), then ω ← ω - η F(ω'), each F from a batch of its own (algorithm 2, without the averaging)."""

    def step(self, game):
        with game.lookahead():
            simultaneous(game)
            for player in game.players:
                game.gradients(player)
        for player in game.players:
            game.apply(player)


def simultaneous(game):
    """All players at once."""
    for player in game.players:
        game.gradients(player)
    for player in game.players:
        game.apply(player)
