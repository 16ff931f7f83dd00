"""Which files of a folder are pictures, in which order and of which class."""

import os

import pytest

from ganreg.errors import DataError


def grey(batch):
    """The colour of each picture, all of one grey."""
    return batch.images[:, 0, 0, 0].tolist()


def test_pictures_in_the_folder_itself_have_no_classes(dataset, everything, paint):
    for value, name in ((3, "c.png"), (1, "a.bmp"), (2, "B.PNG")):
        paint(name, (value,) * 3)
    info, batch = dataset().info(), everything()
    assert (info.image, info.count, info.classes) == ((3, 8, 8), 3, None)
    assert batch.labels is None
    assert grey(batch) == [2, 1, 3]  # sorted by name, capitals first


def test_each_sub_folder_is_a_class_in_the_order_of_names(dataset, everything, paint):
    names = ["dog/z.png", "cat/2/b.png", "dog/a.png", "cat/10.png", "cat/2/a.png", "emu/deep/er/x.png"]
    for name in names:
        paint(name, (10 * sorted(names).index(name),) * 3)
    info, batch = dataset().info(), everything()
    assert (info.count, info.classes) == (6, ("cat", "dog", "emu"))
    assert grey(batch) == [0, 10, 20, 30, 40, 50]
    assert batch.labels.tolist() == [0, 0, 0, 1, 1, 2]


def test_the_order_is_that_of_names_and_not_of_the_disk(everything, paint):
    for value in (7, 2, 9, 4, 0, 5, 8, 1, 6, 3):
        paint(f"cat/{value}.png", (value,) * 3)
    assert grey(everything()) == list(range(10))


def test_what_is_not_a_picture_is_passed_over(dataset, folder, paint):
    paint("cat/a.png")
    paint("cat/.hidden.png")
    paint(".trash/a.png")
    paint("cat/.thumbnails/a.png")
    (folder / "notes.txt").touch()
    (folder / "cat" / "png").touch()
    (folder / "empty").mkdir()
    (folder / "logs").mkdir()
    (folder / "logs" / "log.txt").touch()
    info = dataset().info()
    assert (info.count, info.classes) == (1, ("cat",))


def test_links_do_not_loop(dataset, folder, paint, tmp_path):
    paint("cat/a.png")
    (tmp_path / "elsewhere").mkdir()
    (folder / "cat" / "a.png").rename(tmp_path / "elsewhere" / "b.png")
    paint("cat/a.png")
    (folder / "cat" / "up").symlink_to(folder)
    (folder / "itself").symlink_to(folder)
    (folder / "above").symlink_to(tmp_path)
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    (folder / "cat" / "linked.png").symlink_to(tmp_path / "elsewhere" / "b.png")
    info = dataset().info()
    assert (info.count, info.classes) == (3, ("cat", "linked"))


def test_pictures_beside_and_in_sub_folders_are_refused(dataset, paint):
    paint("loose.png")
    paint("cat/a.png")
    with pytest.raises(DataError, match=r"loose\.png.*cat/a\.png"):
        dataset().info()


@pytest.mark.parametrize("door", ["info", "build"])
@pytest.mark.parametrize("case", ["missing", "file", "empty", "no pictures", "name too long"])
def test_a_folder_without_pictures_is_named(dataset, build, folder, door, case):
    target = {"missing": folder / "none", "file": folder / "file", "name too long": folder / ("x" * 300)}.get(
        case, folder
    )
    if case == "file":
        target.touch()
    if case == "no pictures":
        (folder / "cat").mkdir()
        (folder / "cat" / "readme.txt").touch()
    with pytest.raises(DataError) as error:
        dataset(folder=target).info() if door == "info" else build(folder=target)
    assert str(error.value).startswith(f"{target}: no ")


def test_home_and_relative_folders(dataset, paint, tmp_path, monkeypatch):
    paint("a.png")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert dataset(folder="~/pictures").info().count == 1
    monkeypatch.chdir(tmp_path)
    assert dataset(folder="pictures").info().count == 1


def test_names_that_are_not_text(dataset, everything, folder, paint):
    try:
        os.rename(os.fsencode(paint("a.png", (7, 7, 7))), os.fsencode(folder) + b"/\xff\n.png")
    except OSError:
        pytest.skip("the file system takes no such name")
    assert dataset().info().count == 1
    assert grey(everything()) == [7]
