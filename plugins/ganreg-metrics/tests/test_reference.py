"""What is kept of real pictures: found again, and never believed where it is broken or of another extractor."""

from pathlib import Path

import pytest
import torch
from ganreg_metrics.reference import folder, remembered

from ganreg import Features

VALUES = torch.arange(12.0).reshape(6, 2)
FEATURES = Features(VALUES, VALUES + 1)


class Extractor:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> Features:
        self.asked += 1
        return FEATURES


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """Ask for the features of pictures "p" by the extractor "e"; how often they were computed so far."""
    monkeypatch.setenv("GANREG_CACHE", str(tmp_path))
    compute = Extractor()

    def ask(pictures="p", extractor="e", first=VALUES[:3]):
        found = remembered(pictures, extractor, first, compute)
        assert torch.equal(found.values, FEATURES.values)
        assert torch.equal(found.logits, FEATURES.logits)
        return compute.asked

    return ask


def only_file() -> Path:
    (path,) = folder().iterdir()
    return path


def test_it_is_computed_once_for_the_same_pictures_and_extractor(ask):
    assert [ask(), ask(), ask(pictures="q"), ask(extractor="f"), ask(), ask("q")] == [1, 1, 2, 3, 3, 3]


def test_the_variable_moves_it(ask, tmp_path):
    ask()
    assert only_file().is_relative_to(tmp_path)


@pytest.mark.parametrize("damage", ["empty", "cut", "a bit of the numbers", "other numbers", "no file", "a folder"])
def test_a_broken_file_is_computed_anew(ask, damage):
    ask()
    path = only_file()
    whole = path.read_bytes()
    match damage:
        case "empty":
            path.write_bytes(b"")
        case "cut":
            path.write_bytes(whole[:-5])
        case "a bit of the numbers":
            path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        case "other numbers":
            from safetensors.torch import save_file

            save_file({"values": VALUES}, path)
        case "no file":
            path.unlink()
        case "a folder":
            path.unlink()
            path.mkdir()
    assert ask() == 2
    if damage != "a folder":
        assert path.read_bytes() == whole
        assert ask() == 2


def test_an_extractor_that_has_changed_is_asked_again(ask):
    assert ask() == 1
    assert ask(first=VALUES[:3] + 0.1) == 2
    assert ask(first=VALUES[:3, :1]) == 3
    assert ask(first=VALUES[:3] * (1 + 1e-5)) == 3


def test_where_nothing_can_be_written_nothing_is(ask, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GANREG_CACHE", str(tmp_path / "file"))
    assert [ask(), ask()] == [1, 2]


def test_nothing_is_left_beside_the_file(ask):
    ask()
    assert only_file().suffix == ".safetensors"
