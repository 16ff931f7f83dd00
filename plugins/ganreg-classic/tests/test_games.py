"""The standard game: each player's loss, from a real turn."""

import pytest

from ganreg import Loss


class Curious(Loss, name="curious"):
    """Tells by its value which sides it was given: 1 for real and 10 for generated pictures."""

    uses_real: bool = False

    def build(self, task):
        return Seen(self.uses_real)


class Seen:
    def __init__(self, uses_real):
        self.generator_uses_real = uses_real

    def discriminator(self, real, fake):
        return self.generator(real, fake)

    def generator(self, real, fake):
        value = 0 * fake.logits.sum()
        return value + (real is not None) * 1 + (fake is not None) * 10


@pytest.mark.parametrize(
    ("player", "uses_real", "expected"),
    [
        ("discriminator", False, 11),
        ("discriminator", True, 11),
        ("generator", False, 10),
        ("generator", True, 11),
    ],
)
def test_the_generator_sees_the_real_side_only_where_its_loss_says_so(make_match, player, uses_real, expected):
    match = make_match(loss=Curious(uses_real=uses_real))
    match.gradients(player)
    assert {name: term.item() for name, term in match.terms.items()} == {f"{player}/loss": expected}
