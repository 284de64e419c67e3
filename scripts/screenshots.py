"""The pictures in docs/images of the dashboard: `python -m scripts.screenshots [--folder DEMO]`.

Takes them of a demo's warehouse (make one with `totes demo`), in a real browser.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.request import urlopen

from PIL import Image
from playwright.sync_api import Browser

from scripts.browser import chromium, settled

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
COLOURS = 128  # enough for charts and letters, and a third of the bytes
PORT = 8599
PATIENCE = 60  # seconds


class Picture(NamedTuple):
    """A page at a size; of one that lists orders, with the last of them opened."""

    name: str
    path: str
    width: int
    height: int
    theme: Literal["light", "dark"]
    opened: bool = False


PICTURES = (
    Picture("dashboard-sales", "sales", 1280, 1200, "light"),
    Picture("dashboard-history", "history", 1280, 900, "light", opened=True),
    Picture("dashboard-phone", "payments", 390, 1100, "dark"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", type=Path, default=Path("totes-demo"), help="of the demo")
    options = parser.parse_args()
    with _dashboard(options.folder) as url, chromium() as browser:
        for picture in PICTURES:
            path = IMAGES / f"{picture.name}.png"
            path.write_bytes(_compressed(_taken(browser, url, picture)))
            print(f"{path}: {path.stat().st_size:,} bytes")


@contextmanager
def _dashboard(folder: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "totes", "dashboard", "--port", str(PORT)]
    process = subprocess.Popen([*command, "--folder", str(folder)])  # noqa: S603  # our own command
    url = f"http://127.0.0.1:{PORT}"
    deadline = time.monotonic() + PATIENCE
    try:
        while not _answers(url):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("error: there is no dashboard to take pictures of; see above")
            time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait()


def _answers(url: str) -> bool:
    try:
        with urlopen(f"{url}/_stcore/health", timeout=5):  # noqa: S310  # an address of our own
            return True
    except OSError:
        return False


def _taken(browser: Browser, url: str, picture: Picture) -> bytes:
    context = browser.new_context(
        viewport={"width": picture.width, "height": picture.height}, color_scheme=picture.theme
    )
    page = context.new_page()
    page.goto(f"{url}/{picture.path}")
    settled(page)
    if picture.opened:
        page.get_by_role("region").get_by_role("link").last.click()
        page.wait_for_timeout(500)
        settled(page)
    taken = page.screenshot()
    context.close()
    return taken


def _compressed(taken: bytes) -> bytes:
    picture = Image.open(io.BytesIO(taken)).convert("RGB")
    out = io.BytesIO()
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(out, "png", optimize=True)
    return out.getvalue()


if __name__ == "__main__":
    main()
