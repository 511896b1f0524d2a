"""Sections and metrics of segmentation on the page, card and in comparisons."""

from __future__ import annotations

from pathlib import Path

from pipeline.tasks.report import Section, TaskReport

REPORT = TaskReport(
    templates=Path(__file__).with_name("templates"),
    sections=(
        Section("masks", "Masks", "Worst masks and changed pixels"),
        Section("iou", "Classes", "IoU of each class"),
    ),
    metrics={
        "dice": "Mean Dice coefficient",
        "boundary_f1": "Boundary F1",
        "pixel_accuracy": "Pixel accuracy",
        "changed_pixels": "Changed pixels",
        "corrupted_miou": "Mean IoU on corrupted examples",
    },
    compared={
        "mean Dice": "dice",
        "boundary F1": "boundary_f1",
        "changed pixels": "changed_pixels",
        "mean IoU when corrupted": "corrupted_miou",
    },
    pictures={"overlays": "overlays.png"},
)
