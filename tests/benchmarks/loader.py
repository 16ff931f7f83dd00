"""What a large folder of pictures costs: `python -m tests.benchmarks.loader --pictures 100000 --json loader.json`.

Small JPEGs in ten folders are listed, resized into the cache, opened again and trained on. Each figure is of a process
of its own. TMPDIR says on which disk; in memory nothing can be dropped, and `dropped` means nothing.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks.fresh import fresh

CLASSES = 10
DIFFERENT = 256
"""Pictures that are encoded; the others are copies."""
SIZE = 160, 120
FEW = 100
"""The start of a run is measured beside that with one picture in so many."""
WARM_UP = 5
"""Steps that are not counted."""


def write(folder: Path, count: int) -> float:
    """Fill a folder; the mean size of a file in bytes."""
    different = [_jpeg(random.Random(seed)) for seed in range(min(DIFFERENT, count))]
    for label in range(CLASSES):
        (folder / str(label)).mkdir(parents=True)
    for number in range(count):
        (folder / str(number % CLASSES) / f"{number:06}.jpg").write_bytes(different[number % len(different)])
    return statistics.mean(map(len, different))


def _jpeg(draw: random.Random) -> bytes:
    """Soft blobs with some grain: about as many bytes as a photograph of that size has."""
    from PIL import Image

    blobs = Image.frombytes("RGB", (16, 12), draw.randbytes(16 * 12 * 3)).resize(SIZE, Image.Resampling.BICUBIC)
    grain = Image.frombytes("RGB", SIZE, draw.randbytes(SIZE[0] * SIZE[1] * 3))
    file = io.BytesIO()
    Image.blend(blobs, grain, 0.05).save(file, "JPEG", quality=85)
    return file.getvalue()


def listing(data: dict[str, Any]) -> float:
    """Seconds of `info()`."""
    dataset = _dataset(data)
    return _timed(dataset.info)


def building(data: dict[str, Any]) -> float:
    """Seconds of `build`: the first time it fills the cache, then it opens it."""
    from ganreg import Task

    dataset = _dataset(data)
    import torch  # noqa: F401  (not what is measured)

    return _timed(lambda: dataset.build(Task(image=(3, 64, 64), latent=128)))


def _dataset(data: dict[str, Any]) -> Any:
    import ganreg

    return ganreg.component("dataset", **data)


def _timed(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def drop(cache: Path) -> None:
    """Take the cached pictures out of memory."""
    for path in cache.glob("*/images.u8"):
        with open(path, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def training(data: dict[str, Any], folder: str, steps: int, threads: int) -> dict[str, float]:
    """Milliseconds of a step, those of them in which it waits for pictures, and seconds until the first one is done."""
    import torch

    import ganreg

    if threads:
        torch.set_num_threads(threads)
    began = time.perf_counter()
    network = "classic/dcgan"
    run = ganreg.compose(
        data=data,
        generator=network,
        discriminator=network,
        loss="classic/non-saturating",
        conditional=True,
        train={"steps": steps, "batch_size": 64, "device": "cpu"},
        output={"folder": folder, "samples_every": 10**7, "checkpoint_every": 10**7},
    )
    watch = Watch(run)
    run.train(observers=[watch], tick=watch.tick)
    ends, fed = watch.ends, watch.fed
    whole = [end - start for start, end in zip(ends[WARM_UP:-1], ends[WARM_UP + 1 :], strict=True)]
    feed = fed[WARM_UP + 1 :]
    return {
        "step": round(1e3 * statistics.median(whole), 3),
        "feed": round(1e3 * statistics.median(feed), 3),
        "share": round(sum(feed) / sum(whole), 5),
        "start": round(ends[0] - began, 3),
    }


class Watch:
    """Notes when each step ends, and how long it has waited for the feed."""

    def __init__(self, run: Any) -> None:
        self._run = run
        self.ends: list[float] = []
        self.fed: list[float] = []
        self._waited = 0.0

    def started(self, *_: Any) -> None:
        """Stand between the match and its feed."""
        feed = self._run.training.feed
        batch = feed.batch

        def watched(*arguments: Any) -> Any:
            began = time.perf_counter()
            found = batch(*arguments)
            self._waited += time.perf_counter() - began
            return found

        feed.batch = watched

    def tick(self, step: int) -> None:
        """A step is done."""
        self.ends.append(time.perf_counter())
        self.fed.append(self._waited)
        self._waited = 0.0


def measure(count: int, steps: int, threads: int) -> dict[str, Any]:
    """All of it, in a temporary folder."""
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        size = write(root / "pictures", count)
        write(root / "few", max(CLASSES, count // FEW))
        many, few = (
            {
                "name": "datasets/image-folder",
                "folder": str(root / name),
                "size": 64,
                "cache": str(root / f"{name}.cache"),
            }
            for name in ("pictures", "few")
        )
        found: dict[str, Any] = {"pictures": count, "bytes": round(size), "listing": fresh(listing, many)[0]}
        found["first"], found["first, peak"] = fresh(building, many)
        found["again"], found["again, peak"] = fresh(building, many)
        found["disk"] = sum(path.stat().st_size for path in (root / "pictures.cache").glob("*/*"))
        fresh(building, few)
        for name, data in (("in memory", many), ("dropped", many), ("few", few)):
            if name == "dropped":
                drop(root / "pictures.cache")
            trained, peak = fresh(training, data, str(root / f"{name}.run"), steps, threads)
            found[name] = {**trained, "peak": round(peak)}
            print(name, found[name], file=sys.stderr, flush=True)
    return found


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=100_000)
    parser.add_argument("--steps", type=int, default=60, help=f"of which the first {WARM_UP} are not counted")
    parser.add_argument("--json", metavar="FILE", help="where the figures go; printed otherwise")
    parser.add_argument("--threads", type=int, default=0, help="of torch in training; 0 for all cores")
    options = parser.parse_args()
    found = measure(options.pictures, options.steps, options.threads)
    from tests.benchmarks.timing import machine  # which imports torch: not above, for processes to begin without

    how = f"--pictures {options.pictures} --steps {options.steps} --threads {options.threads}"
    facts = {"command": f"python -m tests.benchmarks.loader {how}", **machine()}
    facts["threads"] = options.threads or facts["threads"]
    text = json.dumps({**facts, **found}, indent=2) + "\n"
    Path(options.json).write_text(text) if options.json else print(text, end="")


if __name__ == "__main__":
    main()
