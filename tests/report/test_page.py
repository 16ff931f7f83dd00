"""report.html: what it shows of whole, young, stopped and damaged runs, and that it needs nothing but itself."""

import base64
import json
import re
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganreg.errors import RunFolderError
from ganreg.report import write_report

VOID = {"meta", "link", "img", "input", "br"}


class Page(HTMLParser):
    """A page taken apart: elements with their attributes, and the text of each section by its heading."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.elements: list[tuple[str, dict]] = []
        self.text: dict[str, str] = {"": ""}
        self.stack: list[str] = []
        self.feed(self.source)
        self.close()
        assert not self.stack, "every element is closed"

    def handle_starttag(self, tag, attrs):
        assert len(dict(attrs)) == len(attrs), f"{tag} has an attribute twice"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag, "elements are nested"
        if tag in ("dt", "dd", "th", "td", "li"):
            self.text[list(self.text)[-1]] += " "

    def handle_data(self, data):
        if not {"script", "style"} & set(self.stack):
            if self.stack[-1:] == ["h2"]:
                self.text[data] = ""
            self.text[list(self.text)[-1]] += data

    def all(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.elements if name == tag]

    def section(self, heading: str) -> str:
        return " ".join(self.text[heading].split())

    @property
    def pictures(self) -> list[Image.Image]:
        return [decoded(image["src"]) for image in self.all("img")]


def decoded(source: str) -> Image.Image:
    kind, _, content = source.partition(",")
    assert kind == "data:image/png;base64"
    return Image.open(BytesIO(base64.b64decode(content)))


def page(folder: Path) -> Page:
    path = write_report(folder)
    assert path == folder / "report.html"
    return Page(path)


def lines(records) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def test_the_top_says_what_the_run_is_and_how_far_it_came(finished):
    top = page(finished).section("")
    assert top.startswith("run · ganreg run")
    assert "dcgan generator × mlp discriminator × hinge loss × fashion-mnist-10k data" in top
    assert "of 2,000 steps 2,000" in top
    assert "images per second, median 1,010" in top
    assert "of training 2 min 00 s" in top
    assert "seed 7" in top


def test_every_player_has_a_panel_with_all_its_terms(finished):
    shown = page(finished)
    last = json.loads((finished / "log.jsonl").read_text().splitlines()[-2])["losses"]
    section = shown.section("Losses")
    assert f"discriminator loss {last['discriminator/loss']:.4g} r1 {last['discriminator/r1']:.4g}" in section
    assert f"generator loss {last['generator/loss']:.4g}" in section
    assert "fid last 60" in shown.section("Metrics")
    assert "images per second last 1,020" in shown.section("Speed")
    assert len(shown.all("svg")) == 4
    described = [box["aria-label"] for box in shown.all("div") if box.get("role") == "img"]
    assert described[2] == "Curves over 2,000 steps: fid from 90 to 60"


def test_the_newest_grid_is_large_beside_nine_over_time(finished):
    shown = page(finished)
    newest, *strip = shown.pictures
    with Image.open(finished / "samples" / "00002000.png") as sample:
        assert np.array_equal(newest, sample)
    steps = ["0", "200", "500", "800", "1,000", "1,200", "1,500", "1,800", "2,000"]
    assert [image["alt"] for image in shown.all("img")[1:]] == [f"Generated pictures after step {s}" for s in steps]
    assert " ".join(steps) in shown.section("Samples")
    for step, picture in zip(steps, strip, strict=True):
        with Image.open(finished / "samples" / f"{int(step.replace(',', '')):08d}.png") as sample:
            assert np.array_equal(picture, sample)


def test_large_grids_become_small_ones_in_the_strip(make_run):
    folder = make_run(samples=(0, 10), size=(1024, 512))
    newest, *strip = page(folder).pictures
    assert newest.size == (1024, 512)
    assert [picture.size for picture in strip] == [(256, 128)] * 2
    with Image.open(folder / "samples" / "00000000.png") as sample:
        means = np.asarray(sample, float).reshape(128, 4, 256, 4).mean((1, 3))
    assert np.abs(np.asarray(strip[0], float) - means).max() <= 1


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
def test_grids_of_every_mode_are_shown(make_run, mode):
    folder = make_run()
    Image.new("RGB", (40, 30), (200, 10, 10)).convert(mode).save(folder / "samples" / "00000000.png")
    (picture,) = page(folder).pictures
    assert picture.size == (40, 30)
    assert picture.mode == ("L" if mode in ("1", "L") else "RGB")


def test_the_spec_is_shown_as_it_was_written(finished):
    assert (finished / "spec.yaml").read_text() in page(finished).text["Spec"]


def test_the_lock_is_a_table_of_parts_and_versions(finished):
    section = page(finished).section("Lock")
    assert "generator classic/dcgan ganreg-classic 1.2.3 abcdef012345" in section
    assert "abcdef0123456" not in section
    assert "loss own-loss none unknown" in section
    for version in ("ganreg 1.0.0", "torch 2.13.0+cpu", "python 3.11.7", "platform linux-x86_64"):
        assert version in section


def test_checkpoints_that_are_kept_have_their_size(finished):
    (finished / "checkpoints" / ".00002500.tmp").mkdir()
    section = page(finished).section("Checkpoints")
    assert "1,500 checkpoints/00001500 3.5 MB 2,000 checkpoints/00002000 3.5 MB" in section
    assert "2,500" not in section


def test_the_page_refers_to_nothing_outside_itself(finished):
    shown = page(finished)
    ids = [attributes["id"] for _, attributes in shown.elements if "id" in attributes]
    assert [name for name, count in Counter(ids).items() if count > 1] == []
    for tag, attributes in shown.elements:
        for name, value in attributes.items():
            if name in ("src", "href", "xlink:href", "srcset", "data", "action", "poster", "background"):
                assert value.startswith("data:") or value[1:] in ids, (tag, name, value)
            for target in re.findall(r"url\((.*?)\)", value or ""):
                assert target[0] == "#", (tag, name, value)
                assert target[1:] in ids, (tag, name, value)
    assert "@import" not in shown.source
    styles = "".join(re.findall(r"<style>(.*?)</style>", shown.source, re.DOTALL))
    assert "url(" not in styles


def test_drawings_take_their_colours_from_the_page_in_light_and_dark(finished):
    source = page(finished).source
    drawings = "".join(re.findall(r"<svg.*?</svg>", source, re.DOTALL))
    assert set(re.findall(r"(?:fill|stroke): (?!none)([^;\"]+)", drawings)) == {
        "currentColor",
        "var(--series-1)",
        "var(--series-2)",
    }
    for number in range(1, 9):
        assert len(set(re.findall(rf"--series-{number}: (#\w+)", source))) == 2
    assert "prefers-color-scheme: dark" in source


def test_people_who_do_not_see_the_page_can_read_it(finished):
    shown = page(finished)
    assert shown.all("html") == [{"lang": "en"}]
    assert [tag for tag, _ in shown.elements if re.fullmatch("h[1-6]", tag)] == [
        *["h1", "h2", "h2", "h3", "h3", "h2", "h3", "h2", "h3", "h2", "h2", "h2"]
    ]
    assert all(image["alt"] for image in shown.all("img"))
    assert all("scope" in cell for cell in shown.all("th"))
    (slider,) = shown.all("input")
    assert slider["aria-label"]
    assert "hidden" in slider, "without a script there is no slider"


HOSTILE = "</script><script>alert(1)</script><img src=http://x onerror='alert(1)'>\"&"


def test_hostile_text_stays_text(make_run):
    terms = {f"{HOSTILE}/{HOSTILE}": 1.0, "generator/$\\frac{": 2.0}
    part = {"id": HOSTILE, "distribution": HOSTILE, "source": HOSTILE}
    quoted = json.dumps(HOSTILE)
    shown = page(
        make_run(
            "<b>&\"'",
            spec=f"seed: {quoted}\ngenerator: {quoted}\nloss: {{name: {quoted}}}\n# {HOSTILE}\n",
            lock={"components": {HOSTILE: part}, HOSTILE: HOSTILE},
            log=lines([{"step": 1, "losses": terms}, {"step": 1, "metrics": {HOSTILE: float("nan")}}]),
            samples=(0, 1),
        )
    )
    assert len(shown.all("script")) == 1, "the page's own"
    assert len(shown.all("img")) == 3
    assert not shown.all("b") or all(not attributes for attributes in shown.all("b"))
    assert not [name for _, attributes in shown.elements for name in attributes if name.startswith("on")]
    top = shown.section("")
    assert "<b>&\"'" in top
    assert f"seed {HOSTILE}" in top
    for heading in ("Losses", "Metrics", "Lock", "Spec"):
        assert HOSTILE in shown.section(heading), heading
    assert "$\\frac{" in shown.section("Losses")


def test_the_same_folder_gives_the_same_page(finished):
    first = write_report(finished).read_bytes()
    assert write_report(finished).read_bytes() == first
    assert not list(finished.glob(".report*"))


@pytest.mark.parametrize("missing", ["lock.json", "log.jsonl", "speed.jsonl", "samples", "checkpoints"])
def test_whatever_is_missing_is_left_out(finished, missing):
    (finished / missing).rename(finished.parent / "elsewhere")
    shown = page(finished)
    said = {
        "log.jsonl": "Nothing logged yet." in shown.section("Losses") and "Metrics" not in shown.text,
        "samples": "No samples yet." in shown.section("Samples"),
        "checkpoints": "None kept yet." in shown.section("Checkpoints"),
        "lock.json": "Lock" not in shown.text,
        "speed.jsonl": "Speed" not in shown.text and "median" not in shown.section(""),
    }
    assert [name for name, left_out in said.items() if left_out] == [missing]
    assert "of 2,000 steps 2,000" in shown.section("")


def test_a_run_that_just_started_has_one_grid_and_no_slider(make_run):
    shown = page(make_run(samples=(0,)))
    assert len(shown.all("img")) == 1
    assert not shown.all("input")
    assert not shown.all("script")
    assert "of 2,000 steps 0" in shown.section("")


def test_the_time_of_a_run_is_the_last_that_its_clock_said(make_run):
    seconds = [(10, 30.0), (20, 60.5), (30, 61.0), (40, 3650.5)]
    speed = lines({"step": step, "seconds": s, "images_per_second": 9.5} for step, s in seconds)
    top = page(make_run(speed=speed)).section("")
    assert "of training 1 h 00 min" in top
    assert "of 2,000 steps 40" in top
    assert "median 9.5" in top


def test_a_last_line_that_was_cut_short_is_left_out(make_run):
    log = lines({"step": step, "losses": {"generator/loss": step / 8}} for step in (1, 2)) + '{"step": 3, "losses": {"g'
    speed = lines([{"step": 2, "seconds": 1.0, "images_per_second": 5.0}]) + '{"step": 3, "seco'
    shown = page(make_run(log=log, speed=speed))
    assert "loss 0.25" in shown.section("Losses")
    assert "of 2,000 steps 2" in shown.section("")


def test_numbers_that_are_not_finite_are_told_of(make_run):
    values = [1.0, 2.0, float("nan"), float("inf"), None, 3.0]
    log = lines({"step": 10 * i, "losses": {"generator/loss": value}} for i, value in enumerate(values))
    shown = page(make_run(log=log + lines([{"step": 60, "metrics": {"fid": float("nan")}}])))
    assert "generator/loss is not finite at 3 of 6 steps, first at 20." in shown.section("")
    assert "fid is not finite at 1 of 1 steps, first at 60." in shown.section("")
    assert "fid last nan" in shown.section("Metrics")


def test_damaged_files_are_shown_or_left_out(make_run):
    folder = make_run(spec="seed: [\n<i>", lock="{", samples=(0, 10, 20))
    (folder / "samples" / "00000020.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    (folder / "samples" / "00000030.png").write_bytes((folder / "samples" / "00000010.png").read_bytes()[:900])
    (folder / "samples" / "notes.png").write_bytes(b"")
    whole = (folder / "samples" / "00000010.png").read_bytes()
    for step, at, value in ((40, 11, 5), (50, 16, 127)):  # a header that is too short, and one of too many pixels
        (folder / "samples" / f"{step:08d}.png").write_bytes(whole[:at] + bytes([value]) + whole[at + 1 :])
    shown = page(folder)
    assert "spec.yaml could not be read as a spec." in shown.section("")
    assert "<i>" in shown.section("Spec")
    assert "Lock" not in shown.text
    assert len(shown.all("img")) == 3
    assert "Step 10" in shown.section("Samples")


LOCKS = ("[]", '{"components": []}', '{"components": {"loss": "hinge"}, "torch": null}', "\0", "[" * 100_000)


@pytest.mark.parametrize("lock", LOCKS, ids=["list", "no parts", "odd parts", "no text", "deep"])
@pytest.mark.parametrize("spec", ["train: 1\n", "train: {steps: x}\n", "loss: 3\n", "", "\0"])
def test_contents_of_unexpected_types_do_no_harm(make_run, spec, lock):
    assert page(make_run(spec=spec, lock=lock)).section("").startswith("run")


def test_a_long_run_of_many_terms_makes_a_small_page(make_run):
    rng = np.random.default_rng(0)
    terms = [f"{player}/{term}" for player in ("a", "b", "c", "d") for term in ("loss", "cycle", "identity")]
    log = lines(
        {"step": step, "losses": dict(zip(terms, rng.random(len(terms)).tolist(), strict=True))}
        for step in range(1, 8001)
    )
    path = write_report(make_run(log=log))
    assert len(Page(path).all("svg")) == 4
    assert path.stat().st_size < 600_000


@pytest.mark.parametrize("what", ["nothing", "file", "folder"])
def test_a_folder_that_is_no_run_is_refused(tmp_path, what):
    folder = tmp_path / "run"
    if what == "file":
        folder.write_text("")
    elif what == "folder":
        folder.mkdir()
    with pytest.raises(RunFolderError, match=r"run holds no run: there is no spec\.yaml in it"):
        write_report(folder)


def test_a_page_that_cannot_be_written_leaves_the_old_one(finished):
    (finished / "report.html").write_text("old")
    (finished / ".report.html.tmp").mkdir()
    with pytest.raises(RunFolderError, match=r"cannot write .*report\.html: Is a directory"):
        write_report(finished)
    assert (finished / "report.html").read_text() == "old"


def test_torch_is_never_imported_and_drawing_only_when_called(finished):
    code = (
        "import sys\n"
        "from ganreg.report import write_report\n"
        "print([name for name in ('torch', 'matplotlib', 'jinja2') if name in sys.modules])\n"
        "write_report(sys.argv[1])\n"
        "print([name for name in ('torch', 'matplotlib.pyplot') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code, finished], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "[]"]
