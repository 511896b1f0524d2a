"""Pictures keep what they show: alpha, 16 bits, orientation, proportions, range."""

from __future__ import annotations

import os

import numpy as np
import pytest
from PIL import Image

from pipeline.core.errors import UserError
from pipeline.core.json_io import write_json
from pipeline.inference.input_readers import read_raw
from pipeline.inference.predict import preprocess


def write(folder, draw, count=12):
    """Two classes of pictures; `draw(label, number)` returns an image of Pillow."""
    for label in (0, 1):
        (folder / "ab"[label]).mkdir(parents=True)
        for number in range(count):
            draw(label, number).save(folder / "ab"[label] / f"{number}.png")
    return folder


def strokes(label, number):
    """Black strokes, upright or lying, on a transparent picture that is black."""
    pixels = np.zeros((8, 8, 4), np.uint8)
    where = (slice(None), number % 8) if label else (number % 8, slice(None))
    pixels[(*where, 3)] = 255
    return Image.fromarray(pixels)


def predicted(result, path):
    """The stored form of a file as `predict` makes it."""
    write_json(result.folder / "params.json", {})
    return preprocess(read_raw(path, result.data), result.data)[0]


def test_strokes_on_alpha_are_visible_for_training_and_for_predict(make, tmp_path):
    folder = write(tmp_path / "alpha", strokes)
    result = make(source=f"images:{folder}")
    x = result.data.train().x
    assert x.min() == 0 and x.max() == 255
    assert len(np.unique(x.reshape(len(x), -1), axis=0)) > 1
    assert "warnings" not in result.metrics
    path = folder / "a" / "3.png"
    assert predicted(result, path)[3].max() == 0
    assert predicted(result, path)[2].min() == 255
    (decode,) = [s for s in result.data.spec.preprocess if s["step"] == "decode_image"]
    assert decode["background"] == [255, 255, 255] and decode["orientation"] == "exif"


def test_equal_pictures_are_a_warning(make, tmp_path):
    folder = write(tmp_path / "alpha", strokes)
    result = make(source=f"images:{folder}", image={"background": "black"})
    assert result.metrics["warnings"] == [
        "14 of 14 training examples are equal (see preview.png in the folder of the "
        "stage)",
        "14 of 14 training examples hold one value only (see preview.png in the folder "
        "of the stage)",
    ]
    assert "warning: 14 of 14 training examples" in result.metrics["headline"]


def test_sixteen_bits_of_a_narrow_range_keep_their_differences(make, tmp_path):
    rng = np.random.default_rng(1)

    def deep(label, number):
        return Image.fromarray(rng.integers(300, 351, (6, 6)).astype(np.uint16))

    folder = write(tmp_path / "deep", deep)
    result = make(source=f"images:{folder}", image={"channels": 1})
    x = result.data.train().x
    assert x.dtype == np.uint8 and (x.min(), x.max()) == (0, 255)
    assert len(np.unique(x)) == 51
    step = result.data.spec.preprocess[-1]
    assert (step["step"], step["low"], step["high"]) == ("pixel_range", 300, 350)
    path = folder / "a" / "0.png"
    raw = np.asarray(Image.open(path)).astype(float)
    expected = np.round((raw - 300) * 5.1)
    assert np.array_equal(predicted(result, path)[..., 0], expected)


def test_twelve_bits_are_0_to_4095(make, tmp_path):
    rng = np.random.default_rng(1)

    def deep(label, number):
        return Image.fromarray(rng.integers(0, 4096, (6, 6)).astype(np.uint16))

    folder = write(tmp_path / "deep", deep)
    spec = make(source=f"images:{folder}", image={"channels": 1}).data.spec
    assert (spec.preprocess[-1]["low"], spec.preprocess[-1]["high"]) == (0, 4095)


def test_eight_bits_among_sixteen_keep_their_grey(read, tmp_path):
    def mixed(label, number):
        if number % 2:
            return Image.new("L", (4, 4), 128)
        return Image.fromarray(np.full((4, 4), 128 * 257, np.uint16))

    folder = write(tmp_path / "mixed", mixed)
    examples = read(source=f"images:{folder}", image={"channels": 1}).examples
    assert examples.x.dtype == np.uint16
    assert np.unique(examples.x[:]).tolist() == [128 * 257]


def turned(path):
    """A picture that is bright on the left; its EXIF entry turns it by 90 degrees."""
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:, :4] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate clockwise to show
    Image.fromarray(pixels).save(path, exif=exif, quality=95)


def test_the_orientation_of_exif_is_applied(make, tmp_path):
    folder = write(tmp_path / "turned", strokes)
    for label in "ab":
        for file in (folder / label).iterdir():
            file.unlink()
        for number in range(12):
            turned(folder / label / f"{number}.jpg")
    result = make(source=f"images:{folder}")
    assert result.data.train().x[:, :3].min() > 200  # bright above
    assert result.data.train().x[:, 5:].max() < 50
    path = folder / "a" / "1.jpg"
    assert np.array_equal(predicted(result, path), result.data.train().x[0])


@pytest.mark.parametrize(
    ("fit", "left", "middle"),
    [("stretch", 0, 255), ("pad", 7, 255), ("crop", 255, 255)],
)
def test_proportions(make, tmp_path, fit, left, middle):
    """A picture twice as high as wide, black with a white square in its middle."""

    def tall(label, number):
        pixels = np.zeros((16, 8, 3), np.uint8)
        pixels[4:12] = 255
        return Image.fromarray(pixels)

    folder = write(tmp_path / "tall", tall)
    image = {"size": [8, 8], "fit": fit, "background": [7, 7, 7]}
    result = make(source=f"images:{folder}", image=image)
    picture = result.data.train().x[0]
    assert (picture[0, 0, 0], picture[4, 4, 0]) == (left, middle)
    assert np.array_equal(predicted(result, folder / "a" / "0.png"), picture)


@pytest.mark.parametrize(
    ("convert", "scale", "dtype"),
    [
        (lambda x: x.astype(np.int64), 1 / 255, "uint8"),
        (lambda x: x.astype(np.float64), 1 / 255, "uint8"),
        (lambda x: x / 255, 1.0, "float32"),
        (lambda x: x / 127.5 - 1, 1.0, "float32"),
        (lambda x: (x * 16).astype(np.uint16), 1 / 4095, "float32"),
        (lambda x: (x * 257).astype(np.uint16), 1 / 65_535, "float32"),
    ],
)
def test_pictures_in_arrays_become_about_1(read, tmp_path, convert, scale, dtype):
    rng = np.random.default_rng(1)
    x = convert(rng.integers(0, 256, (40, 4, 4, 1)))
    np.savez(tmp_path / "a.npz", x=x, y=np.arange(40) % 2)
    examples = read(source=f"npz:{tmp_path}/a.npz").examples
    assert examples.scale == pytest.approx(scale)
    assert str(examples.x.dtype) == dtype
    assert np.abs(examples.x[:] * examples.scale).max() == pytest.approx(1, abs=0.01)


def test_folders_of_systems_and_hidden_ones_are_no_classes(read, images):
    for name in ("__MACOSX", "red/.ipynb_checkpoints", "red/__MACOSX"):
        (images / name).mkdir()
    copy = (images / "red" / "3.png").read_bytes()
    for name in ("__MACOSX/1.png", "red/.ipynb_checkpoints/3.png", "red/._3.png"):
        (images / name).write_bytes(copy)
    examples = read(source=f"images:{images}").examples
    assert examples.classes == ("blue", "red")
    assert len(examples) == 30


def test_a_class_whose_files_are_all_damaged_is_none(make, images):
    (images / "green").mkdir()
    (images / "green" / "1.png").write_bytes(b"damaged")
    result = make(source=f"images:{images}", on_bad_example="skip")
    assert result.data.spec.classes == ("blue", "red")
    assert result.metrics["skipped"] == 1


def spoil_pipe(folder):
    os.mkfifo(folder / "red" / "f.png")


def spoil_format(folder):
    header = b"DDS |" + (b"\x7c\x00\x00\x00" * 40)
    (folder / "red" / "f.png").write_bytes(header)


def spoil_size(folder):
    Image.new("L", (1000, 1100)).save(folder / "red" / "f.png")


def spoil_name(folder):
    name = os.fsencode(folder / "red") + b"/f\xff\x1b[31m.png"
    with open(name, "wb") as file:
        file.write(b"damaged")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_pipe, r"red/f\.png: is not a regular file"),
        (spoil_format, r"red/f\.png: not a complete image"),
        (spoil_size, r"red/f\.png: has 1000 x 1100 pixels, more than 1 million"),
        (spoil_name, r"red/f.*xff.*x1b\[31m\.png: not a complete image"),
    ],
)
def test_a_file_that_is_no_picture_is_named(make, images, spoil, message):
    spoil(images)
    params = {"source": f"images:{images}", "limits": {"image_megapixels": 1}}
    with pytest.raises(UserError, match=message) as caught:
        make(**params)
    assert str(caught.value).isprintable()
    result = make(**params, on_bad_example="skip")
    assert result.metrics["skipped"] == 1


def test_a_folder_that_is_being_copied_is_an_error(read, images, monkeypatch):
    from pipeline.data import image_files

    bits_of = image_files.bits_of
    monkeypatch.setattr(
        "pipeline.data.sources.images_dataset.bits_of",
        lambda file: file.unlink() if file.name == "3.png" else bits_of(file),
    )
    with pytest.raises(UserError, match=r"blue/3\.png: is not a regular file"):
        read(source=f"images:{images}", image={"channels": 1})
