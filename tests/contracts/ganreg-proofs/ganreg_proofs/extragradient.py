"""Extragradient (Gidel et al., 2018; arXiv:1802.10551): look ahead, then step by what was seen there."""

from pydantic import Field

from ganreg import Schedule


class Extragradient(Schedule, name="tiny-extragradient"):
    """ω' = ω - η F(ω), then ω ← ω - η F(ω'), each F from a batch of its own (algorithm 2, without the averaging).

    With `moments` and Adam it is Extra-Adam (algorithm 4): the look ahead counts in the running moments as well.
    """

    moments: bool = Field(False, description="what the optimizers learn from the look ahead is kept")

    def step(self, game):
        with game.lookahead(optimizers=not self.moments):
            for player in game.players:
                game.gradients(player)
            for player in game.players:
                game.apply(player)
            for player in game.players:
                game.gradients(player)
        for player in game.players:
            game.apply(player)
