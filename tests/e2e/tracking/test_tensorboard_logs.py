"""The logs, as TensorBoard itself reads them."""

from __future__ import annotations

import subprocess
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata

from pipeline.tracking.tensorboard_logs import FOLDER, NAME, write_logs
from tests.helpers.published import record


def _read(folder) -> EventAccumulator:
    accumulator = EventAccumulator(str(folder))
    accumulator.Reload()
    return accumulator


def test_curves_metrics_and_pictures_are_there(experiment):
    assert write_logs(experiment, ["data", "tune", "train"]) == ["tune", "train"]
    log = _read(experiment / FOLDER / "train")
    assert [(e.step, e.value) for e in log.Scalars("loss")] == [(1, 2.5), (2, 1.25)]
    assert log.Scalars("metrics/best.a | b (%)")[0].value == 0.5
    assert log.Scalars("run/seconds")[0].value == 1.5
    (image,) = log.Images("curves")
    assert (image.width, image.height) == (1, 1)
    assert image.encoded_image_string.startswith(b"\x89PNG")


def test_the_gradient_of_each_kernel_is_a_scalar_before_and_after(experiment):
    table = "kernel,before,after\ndense1/kernel,0.25,0.5\nlogits/kernel,1.0,2.0\n"
    (experiment / "train" / "gradients.csv").write_text(table)
    record(experiment / "train")
    write_logs(experiment, ["train"])
    log = _read(experiment / FOLDER / "train")
    found = [(e.step, e.value) for e in log.Scalars("gradients/dense1/kernel")]
    assert found == [(0, 0.25), (2, 0.5)]  # two epochs
    assert "gradients/logits/kernel" in log.Tags()["scalars"]


def test_scored_trials_are_hparams(experiment):
    write_logs(experiment, ["tune"])
    folders = sorted((experiment / FOLDER / "tune").glob("trial_*"))
    assert [folder.name for folder in folders] == ["trial_0000"]
    log = _read(folders[0])
    assert log.Scalars("score")[0].value == 0.5
    content = log.SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
    start = metadata.parse_session_start_info_plugin_data(content)
    assert start.hparams["units"].number_value == 8
    assert start.hparams["kind"].string_value == "relu"


def test_a_log_written_again_is_the_same_and_alone(experiment):
    contents = []
    for _ in range(2):
        write_logs(experiment, ["train"])
        files = [p for p in (experiment / FOLDER).rglob("*") if p.is_file()]
        assert [path.name for path in files] == [NAME]
        contents.append(files[0].read_bytes())
    assert contents[0] == contents[1]


def test_tensorflow_is_not_imported():
    code = (
        "import sys, pipeline.tracking.tensorboard_logs\n"
        "print('tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr
