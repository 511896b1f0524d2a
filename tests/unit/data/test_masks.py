"""`masks:` and `coco:`: right masks, and one error per bad file that names it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline.core.errors import UserError
from pipeline.data.params import DataParams
from pipeline.data.paths import source_state
from pipeline.data.run_lengths import decode
from pipeline.tasks.targets import IGNORED

COUNT, HEIGHT, WIDTH = 10, 6, 8
RNG = np.random.default_rng(3)
MASKS = RNG.integers(0, 3, (COUNT, HEIGHT, WIDTH)).astype(np.uint8)
COLORS = {"sky": "#0000ff", "road": "#ff0000", "tree": "#00ff00"}
TASK = {"task": "segmentation"}


def rgb(mask: np.ndarray) -> Image.Image:
    table = [[int(c[n : n + 2], 16) for n in (1, 3, 5)] for c in COLORS.values()]
    return Image.fromarray(np.array(table, np.uint8)[mask])


@pytest.fixture
def folder(tmp_path) -> Path:
    """Ten images, and masks of class numbers."""
    root = tmp_path / "street"
    for name in ("images", "masks"):
        (root / name).mkdir(parents=True)
    for number, mask in enumerate(MASKS):
        pixels = RNG.integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
        Image.fromarray(pixels).save(root / "images" / f"{number}.png")
        Image.fromarray(mask).save(root / "masks" / f"{number}.png")
    return root


def maps(merged) -> np.ndarray:
    return np.asarray(merged.examples.maps[:])


class TestMasks:
    def test_class_numbers_are_read_unchanged(self, folder, read):
        merged = read(source=f"masks:{folder}", **TASK)
        assert np.array_equal(maps(merged), MASKS)
        assert merged.examples.classes == ("0", "1", "2")
        assert merged.examples.name(3) == "images/3.png"

    @pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
    def test_colors_become_class_numbers(self, folder, read, mode):
        for number, mask in enumerate(MASKS):
            rgb(mask).convert(mode).save(folder / "masks" / f"{number}.png")
        merged = read(source=f"masks:{folder}", masks={"colors": COLORS}, **TASK)
        assert np.array_equal(maps(merged), MASKS)
        assert merged.examples.classes == tuple(COLORS)

    def test_a_palette_file_without_colors_holds_class_numbers(self, folder, read):
        image = Image.fromarray(MASKS[0]).convert("P")
        image.putpalette([9, 9, 9, 200, 0, 0, 0, 200, 0])
        image.save(folder / "masks" / "0.png")
        assert np.array_equal(maps(read(source=f"masks:{folder}", **TASK))[0], MASKS[0])

    def test_255_is_no_label(self, folder, read):
        mask = MASKS[0].copy()
        mask[0] = IGNORED
        Image.fromarray(mask).save(folder / "masks" / "0.png")
        merged = read(source=f"masks:{folder}", **TASK)
        assert len(merged.examples.classes) == 3
        assert (maps(merged)[0][0] == IGNORED).all()

    def test_resizing_takes_the_nearest_pixel_and_borders_get_no_label(
        self, folder, read
    ):
        size = {"size": [8, 8], "fit": "pad"}
        merged = read(source=f"masks:{folder}", image=size, **TASK)
        assert np.array_equal(maps(merged)[:, 1:7], MASKS)
        assert (maps(merged)[:, [0, 7]] == IGNORED).all()
        assert merged.examples.x[:].shape == (COUNT, 8, 8, 3)

    def test_exif_turns_the_image_before_its_mask_is_compared(self, folder, read):
        with Image.open(folder / "images" / "0.png") as image:
            exif = image.getexif()
            exif[0x0112] = 6
            image.transpose(Image.Transpose.ROTATE_90).save(
                folder / "images" / "0.png", exif=exif
            )
        assert len(read(source=f"masks:{folder}", **TASK).examples) == COUNT


def spoil_size(root: Path) -> None:
    Image.fromarray(MASKS[0][:, :5]).save(root / "masks" / "0.png")


def spoil_value(root: Path) -> None:
    mask = MASKS[0].copy()
    mask[2, 2] = 7
    Image.fromarray(mask).save(root / "masks" / "0.png")


def spoil_colors(root: Path) -> None:
    rgb(MASKS[0]).save(root / "masks" / "0.png")


def cut_short(root: Path) -> None:
    path = root / "masks" / "0.png"
    path.write_bytes(path.read_bytes()[:40])


def transparent(root: Path) -> None:
    Image.new("RGBA", (WIDTH, HEIGHT), (0, 0, 255, 9)).save(root / "masks" / "0.png")


def without_mask(root: Path) -> None:
    (root / "masks" / "0.png").unlink()


def without_image(root: Path) -> None:
    (root / "images" / "0.png").unlink()


BAD = [
    (spoil_size, {}, "the mask has 5 x 6 pixels, its image 8 x 6"),
    (
        spoil_value,
        {"classes": ["a", "b", "c"]},
        "the mask holds the class number 7 .1 pixel",
    ),
    (spoil_colors, {}, "has colors .mode RGB.; name the color"),
    (cut_short, {}, "not a complete image"),
    (transparent, {"masks": {"colors": COLORS}}, "transparent pixels|no colors"),
    (without_mask, {}, "images/0.png: has no mask masks/0.png"),
    (without_image, {}, "masks/0.png: is the mask of no image"),
]


@pytest.mark.parametrize(("spoil", "params", "reason"), BAD)
def test_a_bad_mask_is_one_error_or_a_counted_skip(folder, read, spoil, params, reason):
    spoil(folder)
    source = f"masks:{folder}"
    with pytest.raises(UserError, match=f"street: .*0.png: {reason}|{reason}") as error:
        read(source=source, **TASK, **params)
    assert len(str(error.value).splitlines()) == 1
    if "masks" in params:
        return  # the other masks are no better
    merged = read(source=source, on_bad_example="skip", **TASK, **params)
    assert len(merged.examples) == COUNT - 1 and len(merged.skipped) == 1


def test_files_of_systems_and_hidden_ones_are_no_masks(folder, read):
    for name in ("masks/@eaDir/0.png", "images/__MACOSX/0.png", "masks/._0.png"):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"no image")
    assert len(read(source=f"masks:{folder}", **TASK).examples) == COUNT


def test_a_color_outside_the_palette_is_named(folder, read):
    for number, mask in enumerate(MASKS):
        image = rgb(mask)
        image.putpixel((0, 0), (1, 2, 3))
        image.save(folder / "masks" / f"{number}.png")
    with pytest.raises(
        UserError, match="0.png: the mask holds the color #010203 .1 pixel"
    ):
        read(source=f"masks:{folder}", masks={"colors": COLORS}, **TASK)


def test_masks_of_no_classes_are_refused(folder, read):
    with pytest.raises(UserError, match="images: must hold the folders"):
        read(source=f"masks:{folder / 'images'}", **TASK)
    with pytest.raises(ValueError, match='a color is "#rrggbb"'):
        DataParams(source="masks:x", masks={"colors": {"a": "red", "b": "#000000"}})


def square(left: int, top: int, side: int = 2) -> list[int]:
    right, bottom = left + side, top + side
    return [left, top, right, top, right, bottom, left, bottom]


def document(**changes: Any) -> dict[str, Any]:
    images = [
        {"id": n, "file_name": f"{n}.png", "height": HEIGHT, "width": WIDTH}
        for n in range(COUNT)
    ]
    annotations = [
        {"image_id": n, "category_id": 7, "segmentation": [square(1, 1)]}
        for n in range(COUNT - 1)
    ]
    categories = [{"id": 7, "name": "cat"}, {"id": 3, "name": "dog"}]
    whole = {"images": images, "annotations": annotations, "categories": categories}
    return {**whole, **changes}


@pytest.fixture
def coco(folder):
    """`coco(document)` writes it beside the images, and returns the source."""

    def write(content: Any) -> str:
        (folder / "all.json").write_text(json.dumps(content))
        return f"coco:{folder / 'all.json'}"

    return write


class TestCoco:
    def test_polygons_are_drawn_and_an_empty_image_is_background(self, coco, read):
        merged = read(source=coco(document()), **TASK)
        assert merged.examples.classes == ("background", "dog", "cat")
        expected = np.zeros((HEIGHT, WIDTH), np.uint8)
        expected[1:3, 1:3] = 2
        first, last = maps(merged)[0], maps(merged)[-1]
        assert (first[1:3, 1:3] == 2).all() and first.sum() <= 2 * 9
        assert not last.any()

    def test_run_lengths_and_crowds(self, coco, read):
        flat = np.zeros((HEIGHT, WIDTH), bool)
        flat[2:4, 3] = True
        counts = [3 * HEIGHT + 2, 2, flat.size - 3 * HEIGHT - 4]
        shape = {"size": [HEIGHT, WIDTH], "counts": counts}
        entry = {"image_id": 0, "category_id": 3, "segmentation": shape}
        crowd = {**entry, "image_id": 1, "iscrowd": 1}
        merged = read(source=coco(document(annotations=[entry, crowd])), **TASK)
        assert np.array_equal(maps(merged)[0] == 1, flat)
        assert np.array_equal(maps(merged)[1] == IGNORED, flat)

    def test_an_edited_image_changes_the_state_of_the_source(self, coco, folder):
        params = DataParams(source=coco(document()), **TASK)
        before = source_state(params)
        Image.new("RGB", (WIDTH, HEIGHT)).save(folder / "images" / "4.png")
        assert source_state(params) != before


def annotation(**values: Any) -> dict[str, Any]:
    entry = {"image_id": 0, "category_id": 7, "segmentation": [square(1, 1)]}
    return document(annotations=[{**entry, **values}])


BAD_COCO = [
    (document(categories=[{"id": 1}]), r"categories\[0\]: has no name"),
    (document(categories=[]), "has no categories"),
    (document(images=7), 'the lists.*"images" is not one'),
    (
        document(images=[{"id": 1, "file_name": "no.png"}]),
        r"images\[0\] .no.png.*exist",
    ),
    (annotation(category_id=4), r"annotations\[0\]: its category_id 4 is no category"),
    (annotation(image_id=99), r"annotations\[0\]: its image_id 99 is no image"),
    (annotation(segmentation=[]), "0.png: .*no segmentation"),
    (annotation(segmentation=[[1, 1, 2]]), "pairs of finite numbers"),
    (annotation(segmentation=[[1, 1, 2, 2, 3, float("nan")]]), "finite numbers"),
    (annotation(segmentation=[[1, 1, 2, 2, 3, 3]]), "has no area"),
    (annotation(segmentation=[square(5, 1, 30)]), "outside of the image .8 x 6"),
    (annotation(segmentation={"size": [2, 2], "counts": [4]}), "the size .2, 2."),
]


@pytest.mark.parametrize(("content", "reason"), BAD_COCO)
def test_a_bad_entry_is_one_error_that_names_it(coco, read, content, reason):
    with pytest.raises(UserError, match=f"all.json: .*{reason}|{reason}") as error:
        read(source=coco(content), **TASK)
    assert len(str(error.value).splitlines()) == 1


def test_sizes_that_disagree_with_the_file_are_refused(coco, read):
    content = document()
    content["images"][0]["width"] = 9
    with pytest.raises(UserError, match="0.png: has 8 x 6 pixels.* states 9 x 6"):
        read(source=coco(content), **TASK)


def test_the_text_of_the_coco_api_is_decoded():
    """Counts 6, 1, 40, 4, 5, 4, 5, 4, 21 and their text, as pycocotools writes them."""
    counts = [6, 1, 40, 4, 5, 4, 5, 4, 21]
    size = (9, 10)
    text = "61X13mN000`0"
    expected = decode({"size": size, "counts": counts}, size)
    assert np.array_equal(decode({"size": size, "counts": text}, size), expected)
