"""What a command lets go of."""

from pathlib import Path
from typing import Any

import ganreg
from ganreg.cli.memory import Tidy


def test_what_optimizers_remember_is_gone_before_the_report(composition: dict[str, Any], tmp_path: Path) -> None:
    train = {"steps": 3, "batch_size": 4, "device": "cpu"}
    run = ganreg.compose(**composition, train=train, output={"folder": tmp_path / "run", "samples": 4})
    run.train(observers=[Tidy(run)])
    assert run.training is not None
    match = run.training.match
    for player in map(match.player, match.players):
        assert not player.optimizer.state
    assert run.sample(4).shape[0] == 4, "the networks stay"
