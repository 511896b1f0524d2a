"""Sources of boxes: what they read, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from pipeline.core.errors import UserError
from pipeline.data import maps
from pipeline.data.boxes.files import resized
from pipeline.data.image_steps import Resize
from pipeline.data.params import DataParams
from pipeline.data.paths import source_state
from pipeline.data.sources import (
    boxes_dataset,
    coco_dataset,
    scenes_dataset,
    voc_dataset,
    yolo_dataset,
)
from pipeline.data.sources.params import SceneParams
from pipeline.data.sources.reader import ReadContext
from pipeline.tasks.boxes import EMPTY, stacked

READERS = {
    "boxes": boxes_dataset,
    "coco": coco_dataset,
    "scenes": scenes_dataset,
    "voc": voc_dataset,
    "yolo": yolo_dataset,
}
HEIGHT, WIDTH = 8, 10
BOX = (2, 1, 7, 5)  # left, top, right, bottom in pixels
FRACTIONS = (0.2, 0.125, 0.7, 0.625)


def save(path: Path, **options) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(len(path.name)).integers(0, 255, (HEIGHT, WIDTH, 3))
    Image.fromarray(pixels.astype(np.uint8)).save(path, **options)


def read(tmp_path: Path, source: str, **settings):
    scratch = tmp_path / "scratch"
    scratch.mkdir(exist_ok=True)
    params = DataParams(source=source, task="detection", **settings)
    context = ReadContext(params, scratch, source=source)
    return READERS[source.partition(":")[0]].read(context), context


def yolo(root: Path, labels: dict[str, str | None]) -> str:
    for name, text in labels.items():
        save(root / "images" / f"{name}.png")
        (root / "labels" / name).parent.mkdir(parents=True, exist_ok=True)
        if text is not None:
            (root / "labels" / f"{name}.txt").write_text(text)
    (root / "data.yaml").write_text("names: {0: cup, 1: fork}\n")
    return f"yolo:{root}"


LINE = "1 0.45 0.375 0.5 0.5\n"


def coco(root: Path, boxes, image=None, categories=None) -> str:
    save(root / "a.png")
    save(root / "b.png")
    images = [
        {"id": 5, "file_name": "a.png", "height": HEIGHT, "width": WIDTH},
        {"id": 6, "file_name": "b.png"},
    ]
    document = {
        "images": [*images, *([image] if image else [])],
        "categories": categories
        or [{"id": 9, "name": "fork"}, {"id": 2, "name": "cup"}],
        "annotations": [
            {"image_id": 5, "category_id": 9, "iscrowd": 0, **box} for box in boxes
        ],
    }
    (root / "a.json").write_text(json.dumps(document))
    return f"coco:{root}/a.json"


XML = """<annotation><filename>a.png</filename>
<size><width>{width}</width><height>{height}</height></size>
<object><name>fork</name><difficult>{difficult}</difficult><bndbox><xmin>{left}</xmin>
<ymin>2</ymin><xmax>7</xmax><ymax>5</ymax></bndbox></object></annotation>"""


def voc(root: Path, difficult=0, left="3", height=HEIGHT, width=WIDTH) -> str:
    save(root / "JPEGImages" / "a.png")
    save(root / "JPEGImages" / "b.png")
    folder = root / "Annotations"
    folder.mkdir(exist_ok=True)
    values = {"difficult": difficult, "left": left, "height": height, "width": width}
    (folder / "a.xml").write_text(XML.format(**values))
    (folder / "b.xml").write_text("<annotation/>")
    return f"voc:{root}"


def table(root: Path, *rows: str, header="filename,class,xmin,ymin,xmax,ymax") -> str:
    save(root / "a.png")
    save(root / "b.png")
    (root / "t.csv").write_text("\n".join([header, *rows]) + "\n")
    return f"boxes:{root}/t.csv"


SOURCES = {
    "yolo": lambda root: yolo(root, {"a": "\n" + LINE, "b": ""}),
    "coco": lambda root: coco(root, [{"bbox": [2, 1, 5, 4]}]),
    "voc": voc,
    "boxes": lambda root: table(root, "a.png,fork,2,1,7,5", "b.png,,,,,"),
}


class TestSources:
    @pytest.mark.parametrize("kind", SOURCES)
    def test_a_box_and_an_image_without_objects_are_read(self, kind, tmp_path):
        examples, _ = read(tmp_path, SOURCES[kind](tmp_path))
        assert examples.x.shape == (2, HEIGHT, WIDTH, 3)
        assert examples.maps.shape == (2, 1, 5) and examples.maps.dtype == np.float32
        number = examples.classes.index("fork")
        assert examples.maps[0, 0] == pytest.approx((number, *FRACTIONS))
        assert examples.maps[1, 0, 0] == EMPTY
        assert maps.counts_of(examples.maps, len(examples.classes)).sum() == 1

    @pytest.mark.parametrize("kind", SOURCES)
    def test_the_state_changes_with_an_image(self, kind, tmp_path):
        params = DataParams(source=SOURCES[kind](tmp_path), task="detection")
        before = source_state(params)
        assert None not in before.values()
        image = next(tmp_path.rglob("a.png"))
        image.write_bytes(image.read_bytes() + b" ")
        assert source_state(params) != before

    def test_folders_of_yolo_are_splits(self, tmp_path):
        labels = {"train/a": LINE, "train/b": "", "val/c": LINE, "test/d": None}
        examples, context = read(tmp_path, yolo(tmp_path, labels))
        assert examples.own_validation.tolist() == [False, False, False, True]
        assert examples.own_test.tolist() == [True, False, False, False]
        assert "1 image without a label file" in context.notes[0]

    def test_a_polygon_of_yolo_becomes_its_box(self, tmp_path):
        text = "0 0.2 0.125 0.7 0.2 0.5 0.625\n"
        examples, _ = read(tmp_path, yolo(tmp_path, {"a": text}))
        assert examples.maps[0, 0] == pytest.approx((0, *FRACTIONS))

    def test_difficult_and_crowded_objects_are_ignored(self, tmp_path):
        (tmp_path / "voc").mkdir()
        difficult, _ = read(tmp_path, voc(tmp_path / "voc", difficult=1))
        crowd, _ = read(
            tmp_path, coco(tmp_path, [{"bbox": [2, 1, 5, 4], "iscrowd": 1}])
        )
        assert difficult.maps[0, 0, 0] == -2 and crowd.maps[0, 0, 0] == -3
        assert maps.counts_of(crowd.maps, 2).tolist() == [0, 0]

    def test_boxes_of_a_csv_file_may_be_fractions(self, tmp_path):
        row = "a.png;fork;" + ";".join(map(str, FRACTIONS))
        source = table(tmp_path, row, header="Image_ID;Label;XMin;YMin;XMax;YMax")
        examples, _ = read(tmp_path, source)
        assert examples.maps[0, 0, 1:] == pytest.approx(FRACTIONS)

    def test_scenes_place_boxes_and_masks_alike(self):
        params = SceneParams(size=48, count=10, objects=[1, 3])
        scene = scenes_dataset.compose(3, params)
        assert len(scene.box_rows) >= 1
        for number, *ends in scene.box_rows.tolist():
            left, top, right, bottom = (round(48 * end) for end in ends)
            inside = scene.mask[top:bottom, left:right] == number + 1
            assert inside.mean() > 0.1


class TestResizing:
    ROWS = np.array([[1, 0.2, 0.125, 0.7, 0.625]], np.float32)

    def test_stretching_keeps_fractions(self):
        step = Resize(4, 4, 3)
        assert resized(self.ROWS, (8, 10), step) is self.ROWS

    @pytest.mark.parametrize("fit", ["pad", "crop"])
    def test_boxes_move_as_a_painted_box_does(self, fit):
        size, border = (60, 100), (0, 0, 0)
        image = np.zeros((*size, 3), np.uint8)
        image[12:36, 30:70] = 255
        rows = np.array([[0, 0.3, 0.2, 0.7, 0.6]], np.float32)
        step = Resize(50, 50, 3, fit, border if fit == "pad" else None)
        white = step.apply(image[None])[0, ..., 0] > 127
        down, across = np.flatnonzero(white.any(1)), np.flatnonzero(white.any(0))
        painted = (across[0], down[0], across[-1] + 1, down[-1] + 1)
        moved = resized(rows, size, step)[0, 1:] * 50
        assert moved == pytest.approx(painted, abs=1.0)

    def test_an_object_that_is_cut_off_is_left_out(self):
        rows = np.array([[0, 0.0, 0.2, 0.1, 0.6]], np.float32)
        assert len(resized(rows, (50, 100), Resize(50, 50, 3, "crop"))) == 0


@pytest.mark.parametrize("turned", [5, 6, 7, 8])
def test_boxes_turn_with_the_picture_where_the_stored_size_is_stated(tmp_path, turned):
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[4:20, 30:50] = 255
    exif = Image.Exif()
    exif[0x0112] = turned
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(tmp_path / "a.png")))
    down, across = (np.flatnonzero(upright[..., 0].any(axis)) for axis in (1, 0))
    header = "filename,class,xmin,ymin,xmax,ymax,width,height"
    (tmp_path / "t.csv").write_text(f"{header}\na.png,fork,30,4,50,20,60,40\n")
    examples, _ = read(tmp_path, f"boxes:{tmp_path}/t.csv")
    expected = (across[0], down[0], across[-1] + 1, down[-1] + 1)
    assert examples.maps[0, 0, 1:] * [40, 60, 40, 60] == pytest.approx(expected)
    # Where the upright size is stated, boxes are upright already.
    (tmp_path / "t.csv").write_text(f"{header}\na.png,fork,10,4,20,50,40,60\n")
    examples, _ = read(tmp_path, f"boxes:{tmp_path}/t.csv")
    assert examples.maps[0, 0, 1:] * [40, 60, 40, 60] == pytest.approx((10, 4, 20, 50))


def text_of(line: str):
    return lambda root: yolo(root, {"a": line, "b": LINE})


REFUSED = {
    "outside": (text_of("1 0.9 0.5 0.5 0.5"), "labels/a.txt, line 1: the box from"),
    "no area": (text_of("1 0.5 0.5 0 0.5"), "line 1: the box .* has no area"),
    "nan": (text_of(LINE + "0 nan 0.5 0.1 0.1"), "line 2: .*not finite"),
    "text": (text_of("fork 0.5 0.5 0.1 0.1"), "line 1: .* is not a number"),
    "numbers": (text_of("1 0.5 0.5"), "line 1: has 3 numbers; a box has 5"),
    "class": (
        text_of("2 0.5 0.5 0.1 0.1"),
        "line 1: its class number is 2; there are 2",
    ),
    "coco nan": (
        lambda root: coco(root, [{"bbox": [float("nan"), 1, 5, 4]}]),
        r"a.png: annotations\[0\]: .*not finite",
    ),
    "coco box": (
        lambda root: coco(root, [{}]),
        r"annotations\[0\]: its bbox must be four numbers",
    ),
    "coco file": (
        lambda root: coco(root, [], {"id": 7, "file_name": "c.png"}),
        r"images\[2\] \(c.png\): the file does not exist",
    ),
    "voc size": (lambda root: voc(root, width=99), "a.xml: has 10 x 8 pixels, and its"),
    "voc text": (lambda root: voc(root, left="x"), "a.xml, object 1: its box is"),
    "csv number": (
        lambda root: table(root, "b.png,fork,1,1,3,3", "a.png,fork,2,1,7,"),
        'line 3: bottom is "", not a number',
    ),
    "csv file": (
        lambda root: table(root, "a.png,fork,2,1,7,5", "c.png,fork,2,1,7,5"),
        "c.png: the file does not exist",
    ),
}


class TestBadInput:
    @pytest.mark.parametrize("name", REFUSED)
    def test_it_is_one_error_or_a_listed_skip(self, name, tmp_path):
        make, message = REFUSED[name]
        source = make(tmp_path)
        with pytest.raises(UserError, match=message) as error:
            read(tmp_path, source)
        assert len(str(error.value).splitlines()) == 1
        examples, context = read(tmp_path, source, on_bad_example="skip")
        assert len(examples) >= 1 and len(context.skipped) == 1

    def test_a_category_without_a_name_is_an_error(self, tmp_path):
        source = coco(tmp_path, [], categories=[{"id": 1}])
        with pytest.raises(UserError, match=r"categories\[0\]: has no name"):
            read(tmp_path, source)

    def test_columns_that_are_missing_are_named(self, tmp_path):
        source = table(tmp_path, "a.png,fork", header="filename,class")
        with pytest.raises(UserError, match="has no column xmin, ymin, xmax, ymax"):
            read(tmp_path, source)

    def test_an_xml_file_with_entities_is_refused(self, tmp_path):
        source = voc(tmp_path)
        (tmp_path / "Annotations" / "b.xml").write_text(
            '<!DOCTYPE a [<!ENTITY b "c">]>'
        )
        with pytest.raises(UserError, match="b.xml: declares a document type"):
            read(tmp_path, source)

    def test_a_box_that_rounding_moved_out_is_clipped(self, tmp_path):
        source = yolo(tmp_path, {"a": "0 0.95 0.5 0.1001 0.5"})
        examples, _ = read(tmp_path, source)
        assert examples.maps[0, 0, 3] == 1.0

    def test_a_folder_without_label_files_is_refused(self, tmp_path):
        with pytest.raises(UserError, match="no image has a label file"):
            read(tmp_path, yolo(tmp_path, {"a": None}))

    def test_sources_with_boxes_of_different_numbers_are_joined(self):
        first = stacked([np.zeros((2, 5))])
        second = stacked([np.zeros((1, 5)), np.empty((0, 5))])
        both = maps.joined([first, second])
        assert both.shape == (3, 2, 5) and both[2, :, 0].tolist() == [EMPTY, EMPTY]
