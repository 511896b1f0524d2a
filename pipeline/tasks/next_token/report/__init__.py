"""Sections and metrics of text generation on the page, card and in comparisons."""

from __future__ import annotations

from pathlib import Path

from pipeline.tasks.report import Section, TaskReport

REPORT = TaskReport(
    templates=Path(__file__).with_name("templates"),
    sections=(
        Section("samples", "Samples", "Text of the float baseline and the chosen file"),
    ),
    metrics={
        "token_accuracy": "Accuracy of the likeliest token",
        "changed_tokens": "Changed tokens",
        "perplexity": "Perplexity per token",
        "corrupted_bits_per_character": "Bits per character of corrupted texts",
    },
    compared={
        "token accuracy": "token_accuracy",
        "changed tokens": "changed_tokens",
        "perplexity": "perplexity",
    },
    documents={"samples": ("compress", "samples.json")},
)
