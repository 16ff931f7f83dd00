"""Fashion-MNIST: the embedded set, and IDX files that the tests write."""

import contextlib
import gzip
import struct

import numpy as np
import pytest
import torch
from ganreg_datasets import FashionMNIST, FashionMNIST10k
from hypothesis import given, settings
from hypothesis import strategies as st

from ganreg import Task
from ganreg.errors import DataError

TASK = Task(image=(1, 28, 28), latent=8)
NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
PICTURES = np.random.default_rng(0).integers(0, 256, (12, 28, 28), dtype=np.uint8)
LABELS = (np.arange(12) % 10).astype(np.uint8)


def idx(values, *, type_code=8):
    return struct.pack(f">BBBB{values.ndim}I", 0, 0, type_code, values.ndim, *values.shape) + values.tobytes()


def write(folder, pictures=None, labels=None, *, suffix=".gz", pack=gzip.compress):
    """Both files of the training set; bytes are written as they are, arrays as IDX."""
    folder.mkdir(exist_ok=True)
    for name, content in zip(
        NAMES, (PICTURES if pictures is None else pictures, LABELS if labels is None else labels), strict=True
    ):
        (folder / (name + suffix)).write_bytes(content if isinstance(content, bytes) else pack(idx(content)))
    return FashionMNIST(folder=folder)


def failures(dataset):
    """The message of `build`."""
    with pytest.raises(DataError) as error:
        dataset.build(TASK)
    return str(error.value)


def test_the_embedded_set_is_the_test_set():
    dataset = FashionMNIST10k()
    batch, info = dataset.build(TASK), dataset.info()
    assert (info.image, info.count, info.source) == ((1, 28, 28), 10_000, None)
    assert info.classes is not None
    assert (info.classes[0], info.classes[9]) == ("t-shirt/top", "ankle boot")
    assert (batch.images.shape, batch.images.dtype) == ((10_000, 1, 28, 28), torch.uint8)
    assert (batch.labels.shape, batch.labels.dtype) == ((10_000,), torch.int64)
    assert batch.labels.bincount().tolist() == [1000] * 10
    assert batch.labels[:10].tolist() == [9, 2, 1, 1, 6, 1, 4, 6, 5, 7]  # as published
    assert (batch.images.min(), batch.images.max()) == (0, 255)
    assert batch.images.double().mean().item() / 255 == pytest.approx(0.2868, abs=1e-4)  # as published


def test_the_embedded_set_in_another_form():
    dataset = FashionMNIST10k(size=32, channels=3)
    batch = dataset.build(TASK)
    assert batch.images.shape[1:] == dataset.info().image == (3, 32, 32)
    assert len(batch) == dataset.info().count
    assert (batch.images[:, :1] == batch.images).all()
    original = FashionMNIST10k().build(TASK)
    assert torch.equal(batch.labels, original.labels)
    means = batch.images[:, 0].double().mean((1, 2)), original.images[:, 0].double().mean((1, 2))
    assert (means[0] - means[1]).abs().max() < 3  # of 255: each picture is still the one that it was
    part = batch[torch.tensor([5, 0, 5])]
    assert part.images.is_contiguous()


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [(".gz", gzip.compress), ("", bytes), (".gz", bytes), ("", gzip.compress)],
    ids=["gz", "raw", "raw-named-gz", "gz-named-raw"],
)
def test_files_are_read_compressed_or_not(tmp_path, suffix, pack):
    dataset = write(tmp_path, suffix=suffix, pack=pack)
    batch = dataset.build(TASK)
    assert dataset.info().count == 12
    assert batch.images.numpy()[:, 0].tolist() == PICTURES.tolist()
    assert batch.labels.tolist() == LABELS.tolist()


def test_the_split_chooses_the_files(tmp_path):
    write(tmp_path, suffix="")
    for name in NAMES:
        (tmp_path / name).rename(tmp_path / name.replace("train", "t10k"))
    assert FashionMNIST(folder=tmp_path, split="test").info().count == 12
    with pytest.raises(DataError, match="train-images"):
        FashionMNIST(folder=tmp_path).info()


def test_resizing_antialiases(tmp_path):
    checkers = np.indices((28, 28)).sum(0) % 2 * np.uint8(255)
    write(tmp_path, np.stack([checkers.astype(np.uint8)]), LABELS[:1])
    small = FashionMNIST(folder=tmp_path, size=7).build(TASK).images
    assert small.shape == (1, 1, 7, 7)
    assert (small.int() - 127).abs().max() <= 12, "every second pixel was dropped"


def test_home_and_relative_folders(tmp_path, monkeypatch):
    write(tmp_path / "data")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert FashionMNIST(folder="~/data").info().count == 12
    monkeypatch.chdir(tmp_path)
    assert FashionMNIST(folder="data").info().count == 12


@pytest.mark.parametrize("missing", NAMES)
@pytest.mark.parametrize("door", ["info", "build"])
def test_a_missing_file_is_named_with_the_way_to_get_it(tmp_path, missing, door):
    dataset = write(tmp_path)
    (tmp_path / f"{missing}.gz").unlink()
    with pytest.raises(DataError) as error:
        dataset.info() if door == "info" else dataset.build(TASK)
    for part in (str(tmp_path / missing), "dataset-fashion-mnist", "github.com/zalandoresearch/fashion-mnist"):
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("pictures", "labels", "culprit", "reason"),
    [
        (PICTURES[:, :27], None, 0, "27x28"),
        (PICTURES[:0], LABELS[:0], 0, "no picture"),
        (PICTURES[0], None, 0, "not an IDX file of 3-d"),
        (None, LABELS[:-1], 1, "11 labels for the 12"),
        (None, PICTURES, 1, "not an IDX file of 1-d"),
        (None, LABELS + np.uint8(5), 1, "label 14"),
        (idx(PICTURES, type_code=0x0D), None, 0, "00 00 0d 03"),
        (idx(PICTURES) + b"x", None, 0, "goes on after"),
        (gzip.compress(idx(PICTURES) + b"x"), None, 0, "goes on after"),
        (idx(PICTURES)[:15], None, 0, "within its header"),
        (b"", None, 0, "nothing where"),
        (None, b"\x1f\x8bnot gzip at all", 1, ""),
        (
            struct.pack(">4B3I", 0, 0, 8, 3, 60_000, 28, 28),
            struct.pack(">4BI", 0, 0, 8, 1, 60_000),
            1,
            "cut short",
        ),
    ],
)
def test_a_wrong_file_is_named(tmp_path, pictures, labels, culprit, reason):
    message = failures(write(tmp_path, pictures, labels))
    assert message.startswith(f"{tmp_path / NAMES[culprit]}.gz: ")
    assert reason in message


@pytest.mark.parametrize("pack", [gzip.compress, bytes], ids=["gz", "raw"])
def test_a_file_cut_anywhere_is_refused(tmp_path, pack):
    whole = pack(idx(PICTURES))
    cuts = {*range(0, len(whole), len(whole) // 50), *range(40), *range(len(whole) - 12, len(whole))}
    for cut in sorted(cuts):
        assert NAMES[0] in failures(write(tmp_path, whole[:cut])), f"cut at {cut}"


@settings(max_examples=60, deadline=None)
@given(position=st.integers(0), flip=st.integers(1, 255))
def test_a_damaged_gzip_is_refused_or_harmless(tmp_path_factory, position, flip):
    damaged = bytearray(gzip.compress(idx(PICTURES), mtime=0))
    damaged[position % len(damaged)] ^= flip
    dataset = write(tmp_path_factory.getbasetemp() / "damaged", bytes(damaged))
    images = None
    with contextlib.suppress(DataError):
        images = dataset.build(TASK).images
    # Some bytes of gzip's header say nothing about the content.
    assert images is None or images.numpy()[:, 0].tolist() == PICTURES.tolist()
