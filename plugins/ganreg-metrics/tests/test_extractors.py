"""The extractors: what they see, what they are, and how they refuse."""

import io
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from ganreg_metrics.classifier import grey, resized
from ganreg_metrics.extractors import FASHION, FASHION_SHA256, INCEPTION_SHA256, FashionCNN, Inception, Pixels, Timm
from ganreg_metrics.foreign import inception
from PIL import Image
from safetensors.torch import save_file

from ganreg import Task, component
from ganreg.errors import DataError

TASK = Task(image=(1, 28, 28), latent=1)
README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def drawn(*size):
    return torch.rand(*size, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_pixels():
    images = drawn(3, 3, 32, 32)
    means = images.reshape(3, 3, 16, 2, 16, 2).mean(dim=(3, 5)).flatten(1)
    torch.testing.assert_close(Pixels()(images).values, means)
    assert torch.equal(Pixels(size=None)(images).values, images.flatten(1))
    assert Pixels().fingerprint() != Pixels(size=8).fingerprint() != Pixels(size=None).fingerprint()


def test_grey_is_pillows():
    images = (drawn(2, 3, 8, 8) + 1) * 127.5
    bytes_ = images.round().to(torch.uint8)
    for mine, picture in zip(grey(bytes_.float()), bytes_, strict=True):
        theirs = Image.fromarray(picture.permute(1, 2, 0).numpy()).convert("L")
        expected = torch.tensor(list(theirs.tobytes())).reshape(1, 8, 8)
        torch.testing.assert_close(mine, expected.float(), atol=1.01, rtol=0)
    assert torch.equal(grey(images[:, :1]), images[:, :1])


def test_resizing_antialiases():
    """A pattern finer than the target becomes its mean (Parmar et al., 2022; arXiv:2104.11222)."""
    rows = torch.arange(112) % 2 * 2.0 - 1
    stripes = rows.expand(1, 1, 112, 112)
    assert resized(stripes, 28)[..., 2:-2].abs().max() < 0.1
    assert resized(stripes, 112) is stripes


@pytest.mark.needs("ganreg-datasets")
def test_fashion_cnn_tells_the_test_pictures_apart():
    """Those are embedded in ganreg-datasets; the network was trained on the other 60,000."""
    from ganreg_datasets import FashionMNIST10k

    batch = FashionMNIST10k().build(TASK)
    images, labels = batch.images[:2000].float() / 127.5 - 1, batch.labels[:2000]
    with torch.no_grad():
        extract = FashionCNN().build(TASK)
        found = extract(images)
        assert (found.logits.argmax(dim=1) == labels).float().mean() > 0.89
        coloured = extract(images[:50].expand(-1, 3, -1, -1))
        torch.testing.assert_close(coloured.values, found.values[:50], rtol=1e-3, atol=1e-4)
        enlarged = torch.nn.functional.interpolate(images[:500], size=(64, 64), mode="bilinear")
        agree = extract(enlarged).logits.argmax(dim=1) == found.logits[:500].argmax(dim=1)
        assert agree.float().mean() > 0.8


def test_fashion_cnn_is_the_file_that_is_documented():
    content = FASHION.read_bytes()
    assert sha256(content).hexdigest() == FASHION_SHA256
    assert len(content) < 1_000_000
    assert FASHION_SHA256[:12] in README
    assert FASHION_SHA256 in FashionCNN().fingerprint()
    (accuracy,) = {word for word in FashionCNN.__doc__.split() if word.endswith("%")}
    assert accuracy in README


def test_a_damaged_or_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"none\.pth: No such file"):
        Inception(weights=tmp_path / "none.pth").build(TASK)
    (tmp_path / "other.pth").write_bytes(b"other")
    with pytest.raises(DataError, match=rf"other\.pth: its sha256 is \w+, not {INCEPTION_SHA256}"):
        Inception(weights=tmp_path / "other.pth").build(TASK)
    with pytest.raises(DataError, match=r"none\.safetensors: No such file"):
        Timm(model="test_resnet", weights=tmp_path / "none.safetensors").fingerprint()


def test_neither_takes_five_channels():
    for part in (Inception(weights="x"), Timm(model="test_resnet")):
        with pytest.raises(ValueError, match="grey or RGB pictures, not 5 channels"):
            part.check(Task(image=(5, 8, 8), latent=1))


def test_inception_is_torch_fidelitys(fidelity, monkeypatch):
    """With random weights: the file of the trained ones is the user's. What is called is torch-fidelity's network."""
    fresh = fidelity.feature_extractor_inceptionv3
    with monkeypatch.context() as patched, torch.random.fork_rng():
        torch.manual_seed(0)
        patched.setattr(fresh.FeatureExtractorInceptionV3, "load_state_dict", lambda self, state: None)
        empty = io.BytesIO()
        torch.save({}, empty)
        empty.seek(0)
        network = fresh.FeatureExtractorInceptionV3(
            "n", ["2048", "logits_unbiased"], feature_extractor_weights_path=empty
        )
    written = io.BytesIO()
    torch.save(network.state_dict(), written)
    extract = inception(written.getvalue())
    images = drawn(2, 1, 28, 28)
    found = extract(images)
    assert found.values.shape == (2, 2048)
    assert found.logits.shape == (2, 1008)
    bytes_ = ((images + 1) * 127.5).round().to(torch.uint8).expand(-1, 3, -1, -1)
    values, logits = network(bytes_)
    torch.testing.assert_close(found.values, values)
    torch.testing.assert_close(found.logits, logits)


def test_timm(timm, tmp_path):
    network = timm.create_model("test_resnet", num_classes=7)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.01)
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    part = Timm(model="test_resnet", weights=tmp_path / "weights.safetensors")
    extract = part.build(TASK)
    images = drawn(2, 3, 40, 40)
    side = network.pretrained_cfg["input_size"][1]
    fitting = resized(images, side) if network.pretrained_cfg["interpolation"] == "bilinear" else None
    if fitting is None:
        fitting = torch.nn.functional.interpolate(images, (side, side), mode="bicubic", antialias=True).clamp(-1, 1)
    mean, deviation = (torch.tensor(network.pretrained_cfg[key]).view(1, 3, 1, 1) for key in ("mean", "std"))
    network.eval()
    expected = network.forward_head(network.forward_features(((fitting + 1) / 2 - mean) / deviation), pre_logits=True)
    torch.testing.assert_close(extract(images).values, expected)
    assert sha256((tmp_path / "weights.safetensors").read_bytes()).hexdigest() in part.fingerprint()
    assert Timm(model="test_resnet").fingerprint() != part.fingerprint()


def test_random_weights_are_others_by_another_release(monkeypatch):
    part = Timm(model="test_resnet")
    monkeypatch.setattr("ganreg_metrics.extractors.version", {"torch": "2.13.0+cpu", "timm": "1.0.1"}.get)
    before = part.fingerprint()
    assert "torch 2.13.0 and timm 1.0.1" in before
    monkeypatch.setattr("ganreg_metrics.extractors.version", {"torch": "2.13.0+cu130", "timm": "1.0.1"}.get)
    assert part.fingerprint() == before
    monkeypatch.setattr("ganreg_metrics.extractors.version", {"torch": "2.13.0", "timm": "1.1.0"}.get)
    assert part.fingerprint() != before


def test_timm_refuses_a_name_and_weights_that_it_has_not(timm, tmp_path):
    with pytest.raises(DataError, match="timm has no model 'test_resnett': did you mean 'test_resnet'"):
        Timm(model="test_resnett").build(TASK)
    save_file({"conv.weight": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(DataError, match=r"other\.safetensors: not the weights of this network: it lacks"):
        Timm(model="test_resnet", weights=tmp_path / "other.safetensors").build(TASK)
    (tmp_path / "cut.safetensors").write_bytes(b"12")
    with pytest.raises(DataError, match=r"cut\.safetensors: not the weights of this network"):
        Timm(model="test_resnet", weights=tmp_path / "cut.safetensors").build(TASK)


def test_a_metric_takes_them_by_name():
    metric = component("metric", "metrics/frechet", extractor={"name": "pixels", "size": 4})
    assert metric.extractor == Pixels(size=4)
