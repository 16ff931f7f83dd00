"""Pictures and archives that are made to do harm: named, without the memory or the time that they ask for."""

import gzip
import shutil
import struct
import zlib

import pytest
from ganreg_datasets import FashionMNIST

from ganreg import Task
from ganreg.cli import main
from ganreg.engine.checkpoints import Checkpoints
from ganreg.engine.state import same
from ganreg.errors import DataError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
HUGE = 2**28
BLACK = (b"\0" + bytes(3 * 8)) * 8


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, *chunks, packed=b""):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return SIGNATURE + header + b"".join(chunks) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def bomb(size, first=b""):
    """Zeros in a thousandth of their size, made piece by piece."""
    packer = zlib.compressobj(9)
    pieces = [packer.compress(first), *(packer.compress(bytes(2**20)) for _ in range(size >> 20))]
    return b"".join([*pieces, packer.flush()])


def jpeg(width, height):
    frame = struct.pack(">BHHB", 8, height, width, 3) + b"\x01\x11\x00\x02\x11\x01\x03\x11\x01"
    return b"\xff\xd8\xff\xc0" + struct.pack(">H", len(frame) + 2) + frame + b"\xff\xd9"


HOSTILE = {
    "claims.png": png(2**31 - 1, 2**31 - 1),
    "claims.jpg": jpeg(65_500, 65_500),
    "claims.ppm": b"P6 1000000 1000000 255\n" + bytes(100),
    "claims-more.ppm": b"P6 " + b"9" * 5_000 + b" 1 255\n",
    "claims.gif": b"GIF89a"
    + struct.pack("<HH", 65_535, 65_535)
    + b"\0\0\0,"
    + struct.pack("<4HB", 0, 0, 65_535, 65_535, 0),
    "claims.bmp": b"BM" + struct.pack("<IHHIIiiHHIIiiII", 100, 0, 0, 54, 40, 2**30, 2**30, 1, 24, 0, 0, 0, 0, 0, 0),
    "claims.tga": struct.pack("<BBBHHBHHHHBB", 0, 0, 2, 0, 0, 0, 0, 0, 65_535, 65_535, 24, 0) + bytes(100),
    "text.png": png(8, 8, chunk(b"zTXt", b"Comment\0\0" + bomb(HUGE)), packed=zlib.compress(BLACK)),
    "profile.png": png(8, 8, chunk(b"iCCP", b"p\0\0" + bomb(HUGE)), packed=zlib.compress(BLACK)),
    "far.tif": b"II*\0" + struct.pack("<I", 2**32 - 1),
    "round.tif": b"II*\0" + struct.pack("<IHI", 8, 0, 8),
    "archive.png": gzip.compress(b"a picture"),
    "code.png": b"#!/bin/sh\ntouch executed\n",
    "mark-up.png": b"<?xml version='1.0'?><!DOCTYPE svg [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><svg>&a;</svg>",
    "pickle.png": b"cos\nsystem\n(S'touch executed'\ntR.",
    "escape\x1b[31m.png": b"no picture",
}


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: name.replace("\x1b", "ESC"))
def test_a_hostile_picture_is_named(folder, build, name):
    (folder / name).write_bytes(HOSTILE[name])
    with pytest.raises(DataError, match="broken picture") as error:
        build()
    assert name.replace("\x1b", "\ufffd") in str(error.value)
    assert str(error.value).isprintable()


def test_zeros_behind_the_last_pixel_are_passed_over(folder, everything):
    (folder / "a.png").write_bytes(png(8, 8, packed=bomb(HUGE, BLACK)))
    assert (everything().images == 0).all()


def test_an_archive_that_grows_is_refused_by_its_header(tmp_path):
    """A few megabytes that claim, and hold, more pictures than the set has."""
    count = 10**6
    pictures = gzip.compress(struct.pack(">IIII", 0x803, count, 28, 28) + bytes(2**20))
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(pictures)
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(struct.pack(">II", 0x801, count)))
    with pytest.raises(DataError, match=r"train-images.*1000000 pictures.*60000"):
        FashionMNIST(folder=tmp_path).build(Task(image=(1, 28, 28), latent=4))


def arguments(folder, cache, out, steps):
    data = f"{{name: image-folder, folder: {folder}, size: 8, cache: {cache}, broken: skip}}"
    settings = [f"train.steps={steps}", "train.batch_size=2", "train.device=cpu", "output.samples=4", "latent=4"]
    named = {key: f"proofs/tiny-{key}" for key in ("generator", "discriminator")}
    named |= {"loss": "proofs/tiny-hinge", "game": "proofs/tiny-standard", "schedule": "proofs/tiny-alternating"}
    parts = [word for key, name in named.items() for word in (f"--{key}", name)]
    settings += [f"optimizers.{player}=proofs/tiny-adam" for player in ("generator", "discriminator")]
    words = [word for setting in settings for word in ("--set", setting)]
    return [*parts, "--data", data, *words, "--out", str(out)]


def test_a_broken_picture_ends_a_command_with_its_name(folder, paint, tmp_path, capsys):
    paint("a.png")
    (folder / "b.png").write_bytes(b"this is text")
    run = arguments(folder, tmp_path / "cache", tmp_path / "run", 2)
    assert main(["run", *(word.replace("broken: skip", "broken: fail") for word in run)]) == 5
    said = capsys.readouterr().err
    assert f"error: {folder / 'b.png'}: broken picture: " in said
    assert "Traceback" not in said


LOST = {"nothing": (), "the cache": (), "pictures of the cache": ("images.u8",), "its index": ("index.json",)}


LOST = {"nothing": (), "the cache": (), "pictures of the cache": ("images.u8",), "its index": ("index.json",)}


@pytest.mark.parametrize("lost", LOST)
def test_a_run_on_partly_broken_pictures_resumes_exactly(folder, paint, tmp_path, lost):
    for value in range(6):
        paint(f"{value}.png", (40 * value,) * 3)
    for name, content in HOSTILE.items():
        (folder / name).write_bytes(content)
    cache, whole, stopped = tmp_path / "cache", tmp_path / "whole", tmp_path / "stopped"
    assert main(["run", *arguments(folder, cache, whole, 4)]) == 0
    assert main(["run", *arguments(folder, cache, stopped, 2)]) == 0
    (kept,) = (path for path in cache.iterdir() if path.is_dir())
    for name in LOST[lost]:
        (kept / name).write_bytes((kept / name).read_bytes()[:-7])
    if lost == "the cache":
        shutil.rmtree(kept)
    spec = (stopped / "spec.yaml").read_text().replace("steps: 2\n", "steps: 4\n")
    (stopped / "spec.yaml").write_text(spec)
    assert main(["resume", str(stopped)]) == 0
    states = [Checkpoints(run / "checkpoints", 2).newest()[0] for run in (whole, stopped)]
    assert states[0]["step"] == states[1]["step"] == 4
    assert same(*states)
