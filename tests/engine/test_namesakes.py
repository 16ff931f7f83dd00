"""Parts of two plugins that share a name, and what tells their figures apart."""

import json
from pathlib import Path
from typing import ClassVar

import torch
from PIL import Image
from torch import Tensor

from ganreg import Metric
from ganreg.engine.metrics import Evaluation
from ganreg.registry import Registry
from tests.conftest import Tiny

NAMESAKES = """
import torch
from ganreg import Extractor, Features, Metric, hookimpl

class Edges(Extractor, name="edges"):
    def __call__(self, images):
        return Features(images.flatten(1))

class Score(Metric, name="score"):
    extractor: Extractor = "tiny-coarse"

    def __call__(self, evaluation):
        return {"score": 1.0, "picture": torch.zeros(1, 8, 8)}

@hookimpl
def ganreg_components():
    return [Edges, Score]
"""


def test_parts_of_two_plugins_that_share_a_name_make_two_protocols(tiny: Tiny, tmp_path: Path) -> None:
    files = [tmp_path / "one.py", tmp_path / "two.py"]
    for file in files:
        file.write_text(NAMESAKES)
    metrics = [
        *("one/score", "two/score"),
        *({"name": "one/score", "extractor": f"{space}/edges"} for space in ("one", "two")),
        *({"name": "tiny-mean-distance", "extractor": f"{space}/edges"} for space in ("one", "two")),
    ]
    found = tiny(metrics=metrics, registry=Registry.discover(files=files)).train().evaluate()
    assert len({json.dumps(one.protocol) for one in found}) == 6
    assert len({one.pictures["picture"] for one in found[:4]}) == 4


def test_a_first_party_metric_is_named_in_its_protocol_as_in_a_spec(tiny: Tiny) -> None:
    class Ours(Metric, name="ours"):
        """Says that it comes from a first-party plugin."""

        __module__ = "ganreg_metrics.components"

        def __call__(self, evaluation: Evaluation) -> dict[str, float]:
            return {"ours": 1.0}

    (found,) = tiny(metrics=[Ours()]).train().evaluate()
    assert found.protocol["metric"] == "ours"


def test_pictures_of_one_name_and_protocol_stand_beside_each_other_and_are_called_after_their_metrics(
    tiny: Tiny,
) -> None:
    class Light(Metric, name="light"):
        """A picture by a common name, and a protocol that says nothing of who measured."""

        shade: ClassVar[float] = 1

        def __call__(self, evaluation: Evaluation) -> dict[str, Tensor]:
            return {"mean": torch.full((1, 64, 64), self.shade)}

        def protocol(self, evaluation: Evaluation) -> dict[str, str | int]:
            return dict(evaluation.facts)

    class Dark(Light, name="dark"):
        """Another one."""

        shade: ClassVar[float] = -1

    found = tiny(metrics=[Light(), Dark()]).train().evaluate()
    paths = [one.pictures["mean"] for one in found]
    assert [path.parent.name.rpartition("-")[0] for path in paths] == ["light-mean", "dark-mean"]
    assert [Image.open(path).getextrema() for path in paths] == [(255, 255), (0, 0)]
