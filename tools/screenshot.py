"""Screenshot of a report page: python tools/screenshot.py PAGE PNG.

Needs the extra `browser` and Chromium; without them it prints a message and leaves
the existing picture unchanged.
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from PIL import Image

NAMES = ("chromium", "chromium-browser", "google-chrome")
SIZE = {"width": 1180, "height": 1660}
PATIENCE = 120_000  # milliseconds, on a machine with other work


def main(page: Path, picture: Path) -> int:
    """Open the page, wait until it is drawn, and save one window of it.

    Args:
        page: an HTML file.
        picture: the PNG file to write.
    """
    program = next(filter(None, map(shutil.which, NAMES)), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        program = None
    if program is None:
        print(
            f"{picture}: unchanged: needs playwright (the extra `browser`) and Chromium"
        )
        return 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox"]
        )
        window = browser.new_page(viewport=SIZE, color_scheme="light")
        window.set_default_timeout(PATIENCE)
        window.goto(page.resolve().as_uri())
        window.wait_for_selector("body[data-drawn=all]", timeout=60_000)
        shot = Image.open(io.BytesIO(window.screenshot())).convert("RGB")
        browser.close()
    shot = shot.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    shot.save(picture, optimize=True)
    print(f"{picture}: {picture.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:3])))
