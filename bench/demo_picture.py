"""The README's picture: runs `stillwatch demo` and photographs the head of its page in headless Chromium.

python -m bench.demo_picture [--height PIXELS] [--out FILE]   (needs chromium or google-chrome on the path)
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def photograph(page: Path, out: Path, width: int, height: int) -> None:
    """A PNG of the upper `height` pixels of a page. Raises SystemExit where no browser is there."""
    browser = next((found for name in _BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise SystemExit("no Chromium on the path\ntry: on Debian or Ubuntu, apt-get install chromium")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="stillwatch-browser-") as profile:
        subprocess.run(
            [browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             f"--user-data-dir={profile}", f"--window-size={width},{height}", f"--screenshot={out.resolve()}",
             page.resolve().as_uri()],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip


def main() -> None:
    """Writes docs/pictures/demo.png."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=1160)
    parser.add_argument("--height", type=int, default=1500)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures" / "demo.png")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stillwatch-picture-") as place:
        page = Path(place) / "page.html"
        program = Path(sys.executable).with_name("stillwatch")
        subprocess.run([str(program), "demo", "--out", str(page)], check=True)
        photograph(page, options.out, options.width, options.height)
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
