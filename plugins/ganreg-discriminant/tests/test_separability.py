"""The metric's figures, against what is known of the pictures."""

import json
import math

import pytest
import torch
from ganreg_discriminant import Separability
from ganreg_discriminant.networks.clouds import HEIGHT, WIDTH, clouds
from ganreg_discriminant.networks.validation import area, left_out, separability, widest

from ganreg import Batch
from ganreg.engine import metrics
from ganreg.errors import SpecError


def normal(seed, count, shift, size=4):
    points = torch.randn(count, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    points[:, 0] += shift
    return points


@pytest.mark.parametrize("shift", [1.0, 3.0])
def test_normal_sides_are_told_apart_as_the_theory_says(shift):
    """Of unit normals δ apart: Fisher's criterion is δ²/2, the error Φ(-δ/2), the AUC Φ(δ/√2)."""

    def below(x):
        return (1 + math.erf(x / math.sqrt(2))) / 2

    found = separability(*left_out(normal(0, 800, shift), normal(1, 800, 0), 4))
    assert found["fisher"] == pytest.approx(shift**2 / 2, rel=0.15)
    assert found["error"] == pytest.approx(below(-shift / 2), abs=0.03)
    assert found["auc"] == pytest.approx(below(shift / math.sqrt(2)), abs=0.03)


def test_what_is_alike_is_not_told_apart():
    """Not even with more dimensions than pictures, where the fitted pictures themselves would be."""
    found = separability(*left_out(normal(0, 100, 0, 200), normal(1, 100, 0, 200), 4))
    assert found["error"] == pytest.approx(0.5, abs=0.12)
    assert found["auc"] == pytest.approx(0.5, abs=0.12)
    assert found["fisher"] < 0.1


def test_by_hand():
    """Four numbers, two folds: each pair is judged by the other one's middle."""
    real, fake = torch.tensor([[4.0], [1.0]]), torch.tensor([[0.0], [2.0]])
    found = separability(*left_out(real, fake, 2))
    # Fitted to 1 (real) and 2 (generated), odds fall with x around 1.5: 4 and 0 are on the wrong sides. Fitted to
    # 4 and 0 they rise around 2: 1 is on the wrong side, 2 on the boundary.
    assert found["error"] == pytest.approx((2 + 1) / 4)


def test_the_area_counts_pairs():
    assert area(torch.tensor([3.0, 1.0]), torch.tensor([0.0, 1.0, 2.0])) == pytest.approx((3 + 1 + 0.5) / 6)


@pytest.mark.parametrize("value", [0.0, 0.5])
def test_constant_pictures_are_finite(value):
    found = separability(*left_out(torch.full((8, 3), value), torch.zeros(8, 3), 4))
    assert all(map(math.isfinite, found.values()))
    assert found["auc"] == (1 if value else 0.5)


class Evaluation:
    """Batches of four pictures."""

    def real(self, count):
        return (Batch(part.view(-1, 1, 2, 2)) for part in normal(0, count, 2).split(4))

    def generated(self, count):
        return (Batch(part.view(-1, 1, 2, 2)) for part in normal(1, count, 0).split(4))


def test_its_figures_have_names():
    found = Separability(count=24, folds=3)(Evaluation())
    expected = separability(*left_out(normal(0, 24, 2), normal(1, 24, 0), 3))
    picture = found.pop("separability/clouds")
    assert found == {f"separability/{name}": value for name, value in expected.items()}
    assert picture.shape == (3, HEIGHT, WIDTH)


def test_its_figures_stand_in_the_log(run, tmp_path):
    made = run(
        metrics=[{"name": "discriminant/separability", "count": 12}],
        output={"folder": str(tmp_path / "run")},
        train={"steps": 2, "batch_size": 6, "device": "cpu"},
    )
    made.train()
    log = (tmp_path / "run" / "log.jsonl").read_text()
    assert all(f'"separability/{name}"' in log for name in ("fisher", "error", "auc"))
    assert (tmp_path / "run" / "figures" / "separability-clouds" / "00000002.png").is_file()


def test_its_protocol_tells_the_pictures_that_there_were(run, tmp_path):
    made = run(
        metrics=[{"name": "discriminant/separability", "count": 30}],
        output={"folder": str(tmp_path / "run")},
        train={"steps": 2, "batch_size": 6, "device": "cpu"},
    )
    (measured,) = made.train().evaluate()
    told = measured.protocol
    assert (told["metric"], told["generated"], told["real"]) == ("separability", 30, 24)
    assert (told["of"], told["folds"]) == ("pixels", 4)
    assert "count" not in json.dumps(told)


def test_the_embedding_is_analysed_where_the_spec_says_so(run, tmp_path):
    made = run(
        metrics=[{"name": "discriminant/separability", "count": 12, "of": "embedding"}],
        output={"folder": str(tmp_path / "run")},
        train={"steps": 2, "batch_size": 6, "device": "cpu"},
    )
    match = made.train().training.match
    evaluation = metrics.Evaluation(match, made.training.feed)
    network = match.networks["discriminator"].eval()
    sides = [
        torch.cat([network(batch.images, None).embedding for batch in batches]).detach()
        for batches in (evaluation.real(12), evaluation.generated(12))
    ]
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    expected = separability(*left_out(*sides, 4))
    assert log[-1]["metrics"] == {f"embedding-separability/{name}": value for name, value in expected.items()}


def test_an_embedding_is_required_where_it_is_analysed(run):
    made = {"metrics": [{"name": "discriminant/separability", "of": "embedding"}]}
    with pytest.raises(SpecError, match="the metric 'separability' needs embedding"):
        run(discriminator="proofs/tiny-discriminator", **made)


def test_points_are_where_they_belong():
    """Two points of each side at the corners of what is shown, real ones to the right of the line."""
    real, fake = torch.tensor([[1.0, 0.0], [1.0, 2.0]]), torch.tensor([[-1.0, 0.0], [-1.0, 2.0]])
    picture = (clouds(real, fake) + 1) / 2
    red, _, blue = picture
    coloured = (picture.amax(0) - picture.amin(0)) > 0.1
    rows, columns = coloured.nonzero().unbind(1)
    assert len(rows) == 4 * 25
    assert (blue > red)[rows, columns].equal(columns > WIDTH // 2)
    assert picture[:, 0, WIDTH // 2].tolist() == [0.75] * 3
    assert picture.amin() >= 0


@pytest.mark.parametrize("shape", [(40, 6), (6, 40)])
def test_the_widest_axis_is_the_first_principal_component(shape):
    points = torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    points[:, 2] *= 9
    u, s, _ = torch.linalg.svd(points - points.mean(0), full_matrices=False)
    expected = u[:, 0] * s[0]
    found = widest(points)
    assert torch.allclose(found, expected * (found @ expected).sign(), atol=1e-9)
    assert found.pow(3).sum() >= 0
