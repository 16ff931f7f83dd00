"""Pictures of every size and mode become square bytes."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from ganreg import Task

GREEN = (10, 200, 30)


def palette(colour, **info):
    picture = Image.new("P", (8, 8), 1)
    picture.putpalette([0, 0, 0, *colour])
    picture.info.update(info)
    return picture


def sixteen_bits(value, type_code="<u2"):
    return Image.fromarray(np.full((8, 8), value, dtype=type_code))


def one_colour(batch):
    """The one colour of the only picture."""
    (picture,) = batch.images
    assert picture.flatten(1).unique(dim=1).shape[1] == 1
    return tuple(picture[:, 0, 0].tolist())


MODES = {
    "1 white": (Image.new("1", (8, 8), 1), "png", (255, 255, 255)),
    "1 black": (Image.new("1", (8, 8), 0), "tif", (0, 0, 0)),
    "L": (Image.new("L", (8, 8), 100), "png", (100, 100, 100)),
    "LA opaque": (Image.new("LA", (8, 8), (100, 255)), "png", (100, 100, 100)),
    "LA transparent": (Image.new("LA", (8, 8), (100, 0)), "png", (255, 255, 255)),
    "P": (palette(GREEN), "png", GREEN),
    "P gif": (palette(GREEN), "gif", GREEN),
    "P transparent": (palette(GREEN, transparency=1), "png", (255, 255, 255)),
    "P transparency in bytes": (palette((0, 0, 0), transparency=b"\0\x80"), "png", (127, 127, 127)),
    "RGB": (Image.new("RGB", (8, 8), GREEN), "webp", GREEN),
    "RGB transparent colour": (Image.new("RGB", (8, 8), GREEN), "png", (255, 255, 255)),
    "RGBA opaque": (Image.new("RGBA", (8, 8), (*GREEN, 255)), "png", GREEN),
    "RGBA transparent": (Image.new("RGBA", (8, 8), (*GREEN, 0)), "png", (255, 255, 255)),
    "RGBA half": (Image.new("RGBA", (8, 8), (0, 0, 0, 128)), "webp", (127, 127, 127)),
    "CMYK": (Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "tif", (255, 0, 0)),
    "YCbCr": (Image.new("YCbCr", (8, 8), (100, 128, 128)), "jpg", (100, 100, 100)),
    "I;16 white": (sixteen_bits(65535), "png", (255, 255, 255)),
    "I;16 grey": (sixteen_bits(32768), "png", (128, 128, 128)),
    "I;16B": (sixteen_bits(32768, ">u2"), "tif", (128, 128, 128)),
    "I": (sixteen_bits(32768, "<i4"), "tif", (128, 128, 128)),
}


@pytest.mark.parametrize(("picture", "suffix", "colour"), MODES.values(), ids=MODES)
def test_modes(folder, everything, picture, suffix, colour):
    options = {"lossless": True, "exact": True} if suffix == "webp" else {}
    if colour == (255, 255, 255) and picture.mode == "RGB":
        options["transparency"] = GREEN
    picture.save(folder / f"a.{suffix}", **options)
    assert one_colour(everything()) == colour
    grey = one_colour(everything(channels=1))
    assert len(grey) == 1
    assert grey[0] == pytest.approx(0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2], abs=1)


def test_16_bits_of_the_transparent_colour_are_white(folder, everything):
    values = np.full((8, 8), 32768, np.uint16)
    values[:, :3] = 32767
    Image.fromarray(values).save(folder / "a.png", transparency=32768)
    (row,) = everything(channels=1).images[0, 0].unique(dim=0).tolist()
    assert row == [127] * 3 + [255] * 5


def test_16_bits_of_which_0_is_white_are_inverted(folder, everything):
    ramp = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)
    for name, photometric in (("black", 1), ("white", 0)):
        Image.fromarray(ramp).save(folder / f"{name}.tif", tiffinfo={262: photometric})
    black, white = everything(channels=1).images
    assert torch.equal(white, 255 - black)


def test_16_bits_are_scaled_and_not_clipped(folder, everything):
    ramp = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)
    Image.fromarray(ramp).save(folder / "a.png")
    assert np.abs(everything(channels=1).images[0, 0].numpy() - ramp / 257).max() <= 0.5


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    width=st.integers(1, 90),
    height=st.integers(1, 90),
    size=st.integers(1, 40),
    resize=st.sampled_from(["crop", "stretch"]),
    colour=st.tuples(*[st.integers(0, 255)] * 3),
)
def test_any_size_becomes_square_and_keeps_its_colour(dataset, paint, width, height, size, resize, colour):
    paint("a.png", colour, size=(width, height))
    made = dataset(size=size, resize=resize)
    pictures = made.build(Task(image=(3, size, size), latent=1))
    assert pictures.images.shape == (made.info().count, *made.info().image) == (1, 3, size, size)
    assert pictures.images[0, :, 0, 0].tolist() == list(colour)
    assert (pictures.images == pictures.images[..., :1, :1]).all()


def test_crop_takes_the_centre_and_stretch_takes_all(folder, everything):
    """Red, green and blue thirds side by side."""
    for name, axis in (("wide", 1), ("tall", 0)):
        thirds = np.repeat(np.eye(3, dtype=np.uint8) * 255, 10, axis=0)
        Image.fromarray(np.repeat(np.expand_dims(thirds, 1 - axis), 10, axis=1 - axis)).save(folder / f"{name}.png")
    for crop in everything(resize="crop").images:
        assert (crop[1] == 255).all()
        assert (crop[::2] == 0).all(), "the filter reached over the edge of the crop"
    tall, wide = everything(resize="stretch").images
    assert (tall.transpose(1, 2) == wide).all()
    assert (wide[:, 0, [0, 3, 7]] > 240).tolist() == [[True, False, False], [False, True, False], [False, False, True]]


def test_reduction_antialiases(folder, everything):
    checkers = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    Image.fromarray(checkers).save(folder / "a.png")
    assert np.abs(everything().images.numpy().astype(int) - 127).max() <= 12


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "webp"])
def test_exif_orientation_is_applied(folder, everything, suffix):
    corners = np.zeros((16, 16), np.uint8)
    corners[:8, :8], corners[:8, 8:], corners[8:, :8] = 240, 160, 80
    stored = {
        1: corners,
        2: np.fliplr(corners),
        3: np.rot90(corners, 2),
        4: np.flipud(corners),
        5: corners.T,
        6: np.rot90(corners, 1),
        7: np.rot90(corners, 2).T,
        8: np.rot90(corners, 3),
    }
    for orientation, pixels in stored.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(pixels).save(folder / f"{orientation}.{suffix}", exif=exif, quality=100)
    images = everything(channels=1).images
    assert images[0, 0, ::7, ::7].int().sub(images.new_tensor([[240, 160], [80, 0]]).int()).abs().max() <= 3
    assert (images.int() - images[:1].int()).abs().max() <= 3


def test_damaged_metadata_is_not_a_damaged_picture(everything, paint):
    paint("a.jpg", GREEN, exif=b"Exif\0\0this is no EXIF")
    paint("b.jpg", GREEN, exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\xff" * 20)
    assert (everything().images.int() - everything().images.new_tensor(GREEN).int().view(3, 1, 1)).abs().max() <= 3


def test_an_animation_gives_its_first_frame(folder, everything):
    first, second = Image.new("RGB", (8, 8), GREEN), Image.new("RGB", (8, 8), "red")
    first.save(folder / "a.gif", save_all=True, append_images=[second])
    first.save(folder / "b.webp", save_all=True, append_images=[second], lossless=True)
    for picture in everything().images:
        assert tuple(picture[:, 0, 0].tolist()) == GREEN
