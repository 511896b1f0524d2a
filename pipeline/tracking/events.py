"""TensorBoard logs of published stages, in `experiments/<name>/tensorboard/`.

A folder per stage and per trial: learning curves as scalars over epochs, metrics as
scalars, trials as HParams, pictures as images. Written with TensorBoard's own
records, without TensorFlow. The folder is no stage's output: deleting it loses
nothing.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

from pipeline.tracking.facts import StageFacts, read_facts, trials

FOLDER = "tensorboard"
NAME = "events.out.tfevents.0000000000.pipeline"  # one name: a new log replaces it


def write_logs(experiment: Path, stages: Iterable[str]) -> list[str]:
    """Write the log of every stage that is published; which ones those are."""
    shutil.rmtree(experiment / FOLDER, ignore_errors=True)
    written = []
    for name in stages:
        if (experiment / name / "stage.json").is_file():
            facts = read_facts(experiment / name)
            _write(experiment / FOLDER / name, facts.began, _of_stage(facts))
            written.append(name)
    if "tune" in written:
        _write_trials(experiment)
    return written


def _of_stage(facts: StageFacts) -> Iterable[tuple[int, Summary.Value]]:
    for name, points in facts.series.items():
        yield from ((step, scalar(name, value)) for step, value in points)
    for name, value in facts.metrics.items():
        yield 0, scalar(f"metrics/{name}", value)
    yield 0, scalar("run/seconds", facts.seconds)
    for path in facts.pictures:
        yield 0, picture(path)


def scalar(tag: str, value: float) -> Summary.Value:
    """One number."""
    return Summary.Value(tag=tag, simple_value=value)


def picture(path: Path) -> Summary.Value:
    """A PNG file under its name; its size stands in its first bytes."""
    content = path.read_bytes()
    width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
    image = Summary.Image(
        width=width, height=height, colorspace=3, encoded_image_string=content
    )
    return Summary.Value(tag=path.stem, image=image)


def _write(
    folder: Path, began: float, values: Iterable[tuple[int, Summary.Value]]
) -> None:
    folder.mkdir(parents=True)
    with (folder / NAME).open("wb") as file:
        writer = RecordWriter(file)
        first = Event(wall_time=began, file_version="brain.Event:2")
        writer.write(first.SerializeToString())
        for step, value in values:
            event = Event(wall_time=began, step=step, summary=Summary(value=[value]))
            writer.write(event.SerializeToString())
        writer.flush()


def _write_trials(experiment: Path) -> None:
    facts, found = read_facts(experiment / "tune"), trials(experiment / "tune")
    for row in found:
        folder = experiment / FOLDER / "tune" / f"trial_{row['trial']:04d}"
        begin, end = _session(row, facts.began)
        values = [(0, begin), (0, scalar("score", row["score"])), (0, end)]
        _write(folder, facts.began, values)


def _session(row: dict[str, Any], began: float) -> tuple[Summary.Value, Summary.Value]:
    """What the HParams tab reads of one trial."""
    start = plugin_data_pb2.SessionStartInfo(start_time_secs=began)
    start.group_name = f"trial {row['trial']}"
    for name, value in row["values"].items():
        _set(start.hparams[name], value)
    end = plugin_data_pb2.SessionEndInfo(
        status=api_pb2.STATUS_SUCCESS, end_time_secs=began
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
    described = metadata.create_summary_metadata(data)
    return Summary.Value(tag=tag, metadata=described, tensor=metadata.NULL_TENSOR)
