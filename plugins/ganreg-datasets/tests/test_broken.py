"""Broken pictures are named or skipped, and never let through."""

import io
import json
import logging
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from ganreg.errors import DataError


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_header(width, height):
    """A PNG that claims a size, with next to no pixels in it."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


def tiff(values):
    file = io.BytesIO()
    Image.fromarray(values).save(file, format="TIFF")
    return file.getvalue()


BROKEN = {
    "empty.png": (b"", "not a picture"),
    "text.png": (b"this is text, whatever its name says\n" * 9, "not a picture"),
    "script.png": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n", "not a picture"),
    "bomb.png": (png_header(10_000, 10_000), "pixels"),
    "greater-bomb.png": (png_header(60_000, 60_000), "pixels"),
    "no-pixels.png": (png_header(50, 50), ""),
    "no-width.png": (png_header(0, 50), ""),
    "floats.tif": (tiff(np.ones((8, 8), np.float32)), "floating-point"),
    "wide-range.tif": (tiff(np.full((8, 8), 70_000, np.int32)), "exceed 16 bits"),
    "negative.tif": (tiff(np.full((8, 8), -1, np.int32)), "exceed 16 bits"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_picture_is_named(folder, build, paint, tmp_path, name):
    content, reason = BROKEN[name]
    paint("z.png")
    (folder / name).write_bytes(content)
    with pytest.raises(DataError) as error:
        build()
    assert str(error.value).startswith(f"{folder / name}: broken picture: ")
    assert reason in str(error.value)
    assert "broken: skip" in str(error.value)
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] in ([], [".lock"]), "something half done was left"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
@pytest.mark.parametrize("what", ["pipe", "link to nothing"])
def test_what_is_no_file_is_broken(folder, build, what):
    os.mkfifo(folder / "a.png") if what == "pipe" else (folder / "a.png").symlink_to("nothing")
    with pytest.raises(DataError, match=r"a\.png: broken picture: not a file"):
        build()


def test_skip_leaves_broken_pictures_out_and_says_so(dataset, everything, folder, paint, tmp_path, caplog):
    for value in range(6):
        paint(f"{'cat' if value < 3 else 'dog'}/{value}.png", (value,) * 3)
    for name in ("cat/1.png", "dog/3.png"):
        (folder / name).write_bytes(b"no picture")
    with caplog.at_level(logging.WARNING, "ganreg"):
        batch = everything(broken="skip")
    assert batch.images[:, 0, 0, 0].tolist() == [0, 2, 4, 5]
    assert batch.labels.tolist() == [0, 0, 1, 1]
    assert dataset(broken="skip").info().count == 6, "an upper bound"
    warned = [record.getMessage() for record in caplog.records if record.name == "ganreg"]
    assert [str(folder / name) in line for name, line in zip(("cat/1.png", "dog/3.png"), warned, strict=False)] == [
        True
    ] * 2
    (index,) = (tmp_path / "cache").glob("*/index.json")
    listed = json.loads(index.read_text())
    assert listed["files"] == ["cat/0.png", "cat/2.png", "dog/4.png", "dog/5.png"]
    assert [file for file, _ in listed["skipped"]] == ["cat/1.png", "dog/3.png"]

    caplog.clear()
    with caplog.at_level(logging.WARNING, "ganreg"):
        again = everything(broken="skip")
    assert again.images.equal(batch.images)
    assert [record.getMessage() for record in caplog.records] == [f"2 of 6 pictures are skipped: {index}"]
    with pytest.raises(DataError, match=r"cat.1\.png"):
        everything(broken="fail")


def test_a_class_that_lost_all_its_pictures_keeps_its_number(dataset, everything, folder, paint):
    for name in ("ant", "bee", "cow"):
        paint(f"{name}/a.png")
    (folder / "bee" / "a.png").write_bytes(b"")
    assert dataset(broken="skip").info().classes == ("ant", "bee", "cow")
    assert everything(broken="skip").labels.tolist() == [0, 2]


def test_skip_needs_one_picture_that_is_left(folder, build, tmp_path):
    for name in ("a.png", "b.png"):
        (folder / name).write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"all 2 pictures are broken; the first: a\.png"):
        build(broken="skip")
    assert not list((tmp_path / "cache").glob("*/"))


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        ("png", {}),
        ("jpg", {}),
        ("jpg", {"progressive": True}),
        ("gif", {}),
        ("bmp", {}),
        ("webp", {}),
        ("tif", {}),
        ("tif", {"compression": "tiff_deflate"}),
        ("ppm", {}),
        ("tga", {"compression": "tga_rle"}),
    ],
)
def test_a_picture_cut_anywhere_is_broken_or_complete(folder, build, tmp_path, suffix, options):
    """Bytes behind the last pixel may be missing; of the pixels none."""
    noise = np.random.default_rng(0).integers(0, 256, (12, 10, 3), dtype=np.uint8)
    whole_file = folder / f"99999.{suffix}"
    Image.fromarray(noise).resize((40, 48)).save(whole_file, **options)
    whole = whole_file.read_bytes()
    cuts = sorted({*range(0, len(whole), len(whole) // 40), *range(len(whole) - 30, len(whole))})
    for cut in cuts:
        (folder / f"{cut:05}.{suffix}").write_bytes(whole[:cut])
    pictures = build(broken="skip")
    assert (pictures.images == pictures.images[-1]).all(), "a picture was let through with pixels missing"
    (index,) = (tmp_path / "cache").glob("*/index.json")
    kept = [int(name.split(".")[0]) for name in json.loads(index.read_text())["files"]]
    assert kept[-1] == 99999
    assert all(cut >= len(whole) - 26 for cut in kept)


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "webp", "tif"])
def test_flipped_bytes_never_end_in_anything_but_a_picture_or_a_broken_one(folder, build, suffix):
    random = np.random.default_rng(1)
    whole_file = folder / f"whole.{suffix}"
    Image.fromarray(random.integers(0, 256, (20, 20, 3), dtype=np.uint8)).save(whole_file)
    whole = np.frombuffer(whole_file.read_bytes(), np.uint8)
    for number in range(60):
        damaged = whole.copy()
        damaged[random.integers(0, len(whole), 3)] ^= random.integers(1, 256, 3, dtype=np.uint8)
        (folder / f"{number}.{suffix}").write_bytes(damaged.tobytes())
    pictures = build(broken="skip")
    assert 1 <= len(pictures) <= 61
    assert len(pictures) + len(pictures.skipped) == 61
