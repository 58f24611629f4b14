"""The pictures of docs/web.md: the pages of a real demonstration.

`python -m tests.architecture.web_pictures` runs `aura demo --scripted`, serves the pages, and needs Chromium.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"
AURA = Path(sys.executable).with_name("aura")
WALL_S = 300.0
PICTURES = {
    "overview": ("/", "light"),
    "run-plan": ("/runs/{run}?as_of=30&versus=20", "light"),
    "run-code": ("/runs/{run}?tab=code", "dark"),
    "run-evidence": ("/runs/{run}?tab=evidence", "light"),
}
"""Name -> path and colours."""


def aura(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [AURA, *arguments], env=environment, check=True, capture_output=True, text=True, timeout=WALL_S
    )
    return done.stdout


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("Chromium is not installed: apt-get install chromium")
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        first = os.environ | {"AURA_HOME": str(home)}
        aura(first, "demo", "--scripted", "--keep")
        there = os.environ | {"AURA_HOME": f"{home}-demo"}
        serving = None
        try:
            run = json.loads(aura(there, "runs", "--json"))["data"]["runs"][0]["run"]
            aura(there, "user", "init", "anna", "--no-password")
            serving = subprocess.Popen(
                [AURA, "serve", "http", "--port", "8765"], env=there, stderr=subprocess.PIPE, text=True
            )
            assert serving.stderr is not None
            serving.stderr.readline()
            link = json.loads(aura(there, "open", "--port", "8765", "--json"))["data"]["url"]
            shoot(chromium, link, run)
        finally:
            if serving is not None:
                serving.terminate()
                serving.wait(timeout=WALL_S)
            aura(there, "down")


def shoot(chromium: str, link: str, run: str) -> None:
    """Sign in with the link, and write each picture."""
    base = link.partition("/auth/")[0]
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(link)
        for name, (path, scheme) in PICTURES.items():
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
            page.goto(base + path.format(run=run))
            page.screenshot(path=IMAGES / f"{name}.png", animations="disabled")
        browser.close()


if __name__ == "__main__":
    main()
