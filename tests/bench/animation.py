"""The animated picture of the README: what one does with the explorer, as an animated WebP.

python -m tests.bench.animation reports/explorer.html docs/explorer.webp
"""

import argparse
import io
import time
from pathlib import Path

from PIL import Image

from tests.browser import Watched, chromium

SIZE = {"width": 1180, "height": 860}
SHOWN = 760  # pixels of the picture's width
FRAME, PAUSE = 90, 900  # milliseconds


class Film:
    """Frames of a page."""

    def __init__(self, page):
        self._page, self.frames, self.times = page, [], []

    def wait(self):
        while self._page.evaluate("engine.busy || engine.next !== null || shown === null"):
            time.sleep(0.02)

    def take(self, milliseconds=FRAME):
        self.wait()
        image = Image.open(io.BytesIO(self._page.screenshot())).convert("RGB")
        self.frames.append(image.resize((SHOWN, round(SHOWN * image.height / image.width)), Image.Resampling.LANCZOS))
        self.times.append(milliseconds)

    def slide(self, name, end, steps=9):
        slider = self._page.locator(".row", has_text=name).first.locator("input[type=range]")
        slider.scroll_into_view_if_needed()
        for i in range(1, steps + 1):
            slider.evaluate("(s, v) => { s.value = v; s.oninput(); }", end * i / steps)
            self.take(PAUSE if i == steps else FRAME)

    def draw(self, points, colour, brush):
        page, box = self._page, self._page.locator("#paper").bounding_box()
        page.evaluate(
            "([c, b]) => { $('colour').value = c; $('brush').value = b; $('brush').oninput(); }", [colour, brush]
        )
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place, steps=2)
            self.take()
        page.mouse.up()
        self.take(PAUSE)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--face", type=int, default=3, help="which of the held-out faces")
    options = parser.parse_args()
    with chromium() as browser:
        watched = Watched(browser, options.page, viewport=SIZE)
        page, film = watched.page, Film(watched.page)
        while not page.evaluate("typeof shown !== 'undefined' && shown !== null && $('strip').children.length > 0"):
            time.sleep(0.05)
        page.locator("#strip button").nth(options.face).click()
        film.wait()
        film.take(PAUSE)
        film.slide("Smiling", 2.0)
        film.slide("Eyeglasses", 1.4)
        film.slide("Blond Hair", 1.6)
        page.click("[data-mode=draw]")
        film.take(PAUSE)
        film.draw([(0.22, 0.2), (0.35, 0.1), (0.5, 0.07), (0.65, 0.1), (0.78, 0.2)], "#5a1f14", 9)
        film.draw([(0.2, 0.25), (0.18, 0.45), (0.2, 0.65)], "#5a1f14", 8)
        film.draw([(0.8, 0.25), (0.82, 0.45), (0.8, 0.65)], "#5a1f14", 8)
        film.take(2 * PAUSE)
        watched.close()
    first, *others = film.frames
    first.save(options.out, save_all=True, append_images=others, duration=film.times, loop=0, quality=70, method=6)
    print(f"{options.out}: {len(film.frames)} frames, {options.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
