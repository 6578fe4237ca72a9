"""How fast a page of the explorer is in Chromium: start, slider to pixels, and by which way of multiplying.

    python -m tests.bench.explorer reports/explorer.html [--moves 200] [--threads 2]

prints the page's size, the time from opening it to the first face, and for each model the time from a slider's event to
its pixels (median, 95 %), with the products in WebAssembly as the page has them and in plain JavaScript; both in one
run, on the processors that the browser is given.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

from tests.browser import Watched, chromium

# in place of the WebAssembly module: the same panels, four columns at a time
PLAIN = """
Memory.prototype.product = function (address, rows, inputs, kernel, panels, into) {
  const [a, b, c] = [this.view({ at: address, length: rows * inputs }), this.view(kernel), this.view(into)];
  for (let panel = 0; panel < panels; panel++)
    for (let row = 0; row < rows; row++)
      for (let half = 0; half < WIDE; half += 4) {
        let [s0, s1, s2, s3] = [0, 0, 0, 0];
        let at = panel * inputs * WIDE + half;
        for (let k = row * inputs, end = k + inputs; k < end; k++, at += WIDE) {
          const value = a[k];
          s0 += value * b[at];
          s1 += value * b[at + 1];
          s2 += value * b[at + 2];
          s3 += value * b[at + 3];
        }
        const to = row * panels * WIDE + panel * WIDE + half;
        c[to] = s0;
        c[to + 1] = s1;
        c[to + 2] = s2;
        c[to + 3] = s3;
      }
  return c;
};
"""
MARK = "let model = null;\nlet kept = null;"  # in worker.js


def until(page, condition):
    while not page.evaluate(condition):
        time.sleep(0.01)


def measure(browser, path, moves):
    began = time.perf_counter()
    watched = Watched(browser, path, viewport={"width": 1400, "height": 900})
    page = watched.page
    until(page, "typeof shown !== 'undefined' && shown !== null")
    start, found = time.perf_counter() - began, {}
    for name in page.evaluate("DATA.models.map((model) => model.name)"):
        page.evaluate(
            "name => openModel(name).then(() => begin(name, spaces[name].draw(spaces[name].samplers[0], 1), {}))", name
        )
        until(page, "!engine.busy")
        page.evaluate("openPanel('Components')")
        times = []
        for i in range(moves):
            page.evaluate("v => { $('slide-c0').value = v; $('slide-c0').oninput(); }", 2 * (i % 2) - 1)
            until(page, "!engine.busy")
            times.append(page.evaluate("performance.getEntriesByName('slider to pixels')[0].duration"))
        times.sort()
        found[name] = statistics.median(times), times[int(0.95 * (len(times) - 1))]
    watched.close()
    return start, found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", type=Path)
    parser.add_argument("--moves", type=int, default=200)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])
    text = options.page.read_text(encoding="utf-8")
    assert MARK in text
    print(f"{options.page}: {len(text.encode()) / 2**20:.2f} MiB")
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        plain = Path(folder) / "plain.html"
        plain.write_text(text.replace(MARK, PLAIN + MARK), encoding="utf-8")
        for way, path in (("WebAssembly", options.page), ("JavaScript", plain)):
            start, found = measure(browser, path, options.moves)
            print(f"{way}: first face after {start:.2f} s")
            for name, (median, most) in found.items():
                print(f"  {name}: slider to pixels {median:.1f} ms, 95 % within {most:.1f} ms")


if __name__ == "__main__":
    main()
