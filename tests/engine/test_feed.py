"""Batches by position: every picture once per epoch, in an order that follows from the seed."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from ganreg import Batch
from ganreg.engine.feed import Feed

CPU = torch.device("cpu")


def numbered(count: int) -> Batch:
    """Pictures whose one pixel is their index; labels are the index too."""
    return Batch(torch.arange(count, dtype=torch.uint8).view(count, 1, 1, 1), torch.arange(count))


def seen(feed: Feed, batches: int) -> list[int]:
    found = []
    for position in range(batches):
        labels = feed.batch(position).labels
        assert labels is not None
        found += labels.tolist()
    return found


@given(count=st.integers(1, 40), size=st.integers(1, 50), epochs=st.integers(1, 3), seed=st.integers(0, 2**63 - 1))
def test_every_epoch_shows_every_picture_once(count: int, size: int, epochs: int, seed: int) -> None:
    feed = Feed(numbered(count), size, seed, CPU, labels=True)
    row = seen(feed, -(-count * epochs // size))
    for epoch in range(epochs):
        assert sorted(row[epoch * count : (epoch + 1) * count]) == list(range(count))


def test_a_batch_depends_on_its_position_alone() -> None:
    feed = Feed(numbered(10), 4, 0, CPU, labels=True)
    forwards = [feed.batch(k).images for k in range(9)]
    fresh = Feed(numbered(10), 4, 0, CPU, labels=True)
    backwards = [fresh.batch(k).images for k in reversed(range(9))]
    assert all(torch.equal(a, b) for a, b in zip(forwards, reversed(backwards), strict=True))


def test_epochs_and_seeds_differ() -> None:
    row = seen(Feed(numbered(50), 50, 0, CPU, labels=True), 2)
    assert row[:50] != row[50:]
    assert row[:50] != seen(Feed(numbered(50), 50, 1, CPU, labels=True), 1)


def test_bytes_become_numbers_from_minus_one_to_one() -> None:
    data = Batch(torch.tensor([0, 51, 255], dtype=torch.uint8).view(3, 1, 1, 1))
    images = Feed(data, 3, 0, CPU, labels=False).take(torch.tensor([0, 1, 2])).images
    assert torch.allclose(images.flatten(), torch.tensor([-1.0, -0.6, 1.0]))
    assert data.images.dtype == torch.uint8


def test_labels_stay_away_from_an_unconditional_run() -> None:
    assert Feed(numbered(3), 2, 0, CPU, labels=False).batch(0).labels is None


def test_data_by_index_serves_like_data_in_memory() -> None:
    class Rows:
        def __len__(self) -> int:
            return 10

        def batch(self, indices: torch.Tensor) -> Batch:
            return numbered(10)[indices]

    by_index = Feed(Rows(), 4, 3, CPU, labels=True)
    in_memory = Feed(numbered(10), 4, 3, CPU, labels=True)
    assert seen(by_index, 5) == seen(in_memory, 5)
