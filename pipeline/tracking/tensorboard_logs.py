"""TensorBoard logs of published stages, in `experiments/<name>/tensorboard/`.

One folder per stage and per trial: learning curves and metrics as scalars, trials as
HParams, pictures as images. Written with TensorBoard's own records, without TensorFlow.
No stage depends on the folder: it can be deleted at any time.

In: the folder of an experiment. Out: event files.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

from pipeline.core.safe_path import SafeFolder
from pipeline.tracking.published_stage import PublishedStage, read_stage, read_trials

FOLDER = "tensorboard"
NAME = "events.out.tfevents.0000000000.pipeline"  # one name: a new log replaces it


def write_logs(experiment: Path, stages: Iterable[str]) -> list[str]:
    """Replace the logs of an experiment.

    Args:
        experiment: folder of the experiment.
        stages: names of stages; those that are not published are left out.

    Returns:
        Names of the stages whose logs were written.
    """
    SafeFolder(experiment).remove(FOLDER)
    written = []
    for name in stages:
        if (experiment / name / "stage.json").is_file():
            stage = read_stage(experiment / name)
            _write(experiment / FOLDER / name, stage.started, _values(stage))
            written.append(name)
    if "tune" in written:
        _write_trials(experiment)
    return written


def scalar(tag: str, value: float) -> Summary.Value:
    """A summary that holds one number."""
    return Summary.Value(tag=tag, simple_value=value)


def picture(path: Path) -> Summary.Value:
    """A summary that holds a PNG file, tagged with its name without suffix."""
    content = path.read_bytes()
    width, height = (int.from_bytes(content[i : i + 4], "big") for i in (16, 20))
    image = Summary.Image(
        width=width, height=height, colorspace=3, encoded_image_string=content
    )
    return Summary.Value(tag=path.stem, image=image)


def _values(stage: PublishedStage) -> Iterable[tuple[int, Summary.Value]]:
    for name, curve in stage.curves.items():
        yield from ((step, scalar(name, value)) for step, value in curve)
    for name, value in stage.metrics.items():
        yield 0, scalar(f"metrics/{name}", value)
    yield 0, scalar("run/seconds", stage.seconds)
    for path in stage.pictures:
        yield 0, picture(path)


def _write(
    folder: Path, started: float, values: Iterable[tuple[int, Summary.Value]]
) -> None:
    folder.mkdir(parents=True)
    with (folder / NAME).open("wb") as file:
        writer = RecordWriter(file)
        header = Event(wall_time=started, file_version="brain.Event:2")
        writer.write(header.SerializeToString())
        for step, value in values:
            event = Event(wall_time=started, step=step, summary=Summary(value=[value]))
            writer.write(event.SerializeToString())
        writer.flush()


def _write_trials(experiment: Path) -> None:
    started = read_stage(experiment / "tune").started
    for trial in read_trials(experiment / "tune"):
        folder = experiment / FOLDER / "tune" / f"trial_{trial['trial']:04d}"
        start, end = _session(trial, started)
        values = [(0, start), (0, scalar("score", trial["score"])), (0, end)]
        _write(folder, started, values)


def _session(
    trial: dict[str, Any], started: float
) -> tuple[Summary.Value, Summary.Value]:
    """Start and end of one trial, as the HParams tab reads them."""
    start = plugin_data_pb2.SessionStartInfo(start_time_secs=started)
    start.group_name = f"trial {trial['trial']}"
    for name, value in trial["values"].items():
        _set(start.hparams[name], value)
    end = plugin_data_pb2.SessionEndInfo(
        status=api_pb2.STATUS_SUCCESS, end_time_secs=started
    )
    return (
        _hparams(metadata.SESSION_START_INFO_TAG, session_start_info=start),
        _hparams(metadata.SESSION_END_INFO_TAG, session_end_info=end),
    )


def _set(target: Any, value: Any) -> None:
    if isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int | float):
        target.number_value = value
    else:
        target.string_value = str(value)


def _hparams(tag: str, **content: Any) -> Summary.Value:
    data = plugin_data_pb2.HParamsPluginData(**content)
    summary = metadata.create_summary_metadata(data)
    return Summary.Value(tag=tag, metadata=summary, tensor=metadata.NULL_TENSOR)
