"""Sections and metrics of restoration on the page, card and in comparisons."""

from __future__ import annotations

from pathlib import Path

from pipeline.tasks.report import Section, TaskReport

REPORT = TaskReport(
    templates=Path(__file__).with_name("templates"),
    sections=(Section("images", "Images", "Restored images and their floor"),),
    metrics={
        "ssim": "SSIM",
        "gain": "Gain above the input, dB",
        "corrupted_psnr": "PSNR on corrupted examples",
    },
    compared={
        "SSIM": "ssim",
        "gain above the input, dB": "gain",
        "PSNR when corrupted": "corrupted_psnr",
    },
    pictures={"restored": "restored.png"},
)
