"""Schedules on the Dirac-GAN (Mescheder et al., 2018), whose updates can be written down.

The generator makes one number θ, the real number is 0, D(x) = ψx, and both players do gradient descent at rate h on
the Wasserstein loss: the discriminator's gradient is θ, the generator's -ψ.
"""

import pytest
from ganreg_classic import SGD

H, THETA, PSI = 0.1, 0.5, 0.25


@pytest.fixture
def dirac(make_match, pictures, constant, linear):
    """A Dirac-GAN under a schedule."""

    def make(schedule):
        return make_match(
            data=pictures(image=(1, 1, 1), value=0.0),
            generator=constant(value=THETA),
            discriminator=linear(weight=PSI),
            schedule=schedule,
            optimizers={"generator": SGD(lr=H), "discriminator": SGD(lr=H)},
        )

    return make


def numbers(match):
    return match.networks["generator"].value.item(), match.networks["discriminator"].weight.item()


@pytest.mark.parametrize(("discriminator_steps", "generator_steps"), [(1, 1), (3, 1), (1, 2), (2, 3)])
def test_alternating_moves_the_discriminator_then_the_generator(dirac, discriminator_steps, generator_steps):
    match = dirac(
        {"name": "alternating", "discriminator_steps": discriminator_steps, "generator_steps": generator_steps}
    )
    theta, psi = THETA, PSI
    for _ in range(3):
        match.step()
        for _ in range(discriminator_steps):
            psi -= H * theta
        for _ in range(generator_steps):
            theta += H * psi
        assert numbers(match) == pytest.approx((theta, psi), rel=1e-12)
    updates = {player: match.player(player).updates for player in match.players}
    assert updates == {"discriminator": 3 * discriminator_steps, "generator": 3 * generator_steps}


def test_simultaneous_moves_both_from_where_the_step_began(dirac):
    match = dirac("simultaneous")
    theta, psi = THETA, PSI
    for _ in range(3):
        match.step()
        theta, psi = theta + H * psi, psi - H * theta
        assert numbers(match) == pytest.approx((theta, psi), rel=1e-12)


@pytest.mark.parametrize("wrong", [{"discriminator_steps": 0}, {"generator_steps": -1}, {"steps": 2}], ids=str)
def test_every_player_moves_at_least_once(wrong):
    from ganreg_classic import Alternating
    from pydantic import ValidationError

    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Alternating(**wrong)
