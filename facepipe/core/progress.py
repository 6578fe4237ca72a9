"""How far the work is: a bar in a terminal, elsewhere a plain line now and then. On stderr; no colours in either.

A terminal that says of itself that it is dumb (TERM) gets lines, since a bar is redrawn in place. NO_COLOR asks for
nothing that is not so anyway.
"""

import contextlib
import os
import sys
import time

from tqdm import tqdm

# of plain lines: one is due so long after the last one, or once so much more is done, but not sooner than ...
SECONDS, SHARE, FEWEST_SECONDS = 30.0, 0.05, 5.0
# from this line of a process on, each waits a tenth longer than the one before
EVENLY, GROWTH = 20, 1.1
# lines of a process; what is said besides counts, and is said in any case
MOST_LINES = 95
# work that takes less gets no bar
BAR_SECONDS = 2.0
# what is left of a terminal's width after the numbers is the note's
BAR = "{l_bar}{bar:10}{r_bar}"


class Pace:
    """When a process prints its plain lines: so that a log of hours is read in a minute.

    Attributes:
        lines: int, how many there were.
        last: float, when the last one was, or the work began; seconds of `time.monotonic`.
    """

    def __init__(self, now):
        self.lines, self.last = 0, now

    def due(self, now, further):
        """Whether a line is due: `further` is the share of the work done since the last one, None: not known."""
        if self.lines >= MOST_LINES:
            return False
        waited = (now - self.last) / GROWTH ** max(0, self.lines - EVENLY)
        return waited >= SECONDS or (waited >= FEWEST_SECONDS and further is not None and further >= SHARE)

    def count(self, now):
        """A line is printed now."""
        self.lines, self.last = self.lines + 1, now


_pace = Pace(time.monotonic())


class Progress:
    """The progress of one piece of work, a context manager.

    Args:
        name: str, of the stage or of what it does.
        total: int, how much there is to do; None: not known.
        unit: str, plural, what is counted; "B": bytes, shown as MB.
        done: int, how much an earlier process did.
        share: function that gives the share of the work that is done, in [0, 1]; None: done / total.
        shown: bool; False: nothing is printed.
        summary: bool, whether a plain line at the end says what it took, if that was a few seconds or more.

    Attributes:
        done: how much is done so far.
        note: str, what stands beside the numbers.
    """

    def __init__(self, name, total=None, unit="images", done=0, share=None, shown=True, summary=True):
        self.name, self.total, self.unit, self.done = name, total, unit, done
        self.shown, self._summary = shown, summary
        self.note = ""
        self._share_done = share or (lambda: self.done / self.total if self.total else None)
        self._bar = None

    def __enter__(self):
        self.measure()
        self._begun, self._done_before, self._told = time.monotonic(), self.done, self._share_done()
        _pace.last = self._begun
        if self.shown and in_terminal():
            unit = self.unit if self.unit == "B" else f" {self.unit}"
            self._bar = tqdm(
                total=self.total, initial=self.done, unit=unit, unit_scale=True, desc=self.name, delay=BAR_SECONDS,
                dynamic_ncols=True, file=sys.stderr, bar_format=BAR if self.total else None,
            )  # fmt: skip
        return self

    def __exit__(self, kind, exception, trace):
        if self._bar is not None:
            self._bar.close()
            return
        seconds = time.monotonic() - self._begun
        wanted = self.shown and self._summary and kind is None and seconds >= FEWEST_SECONDS
        if wanted and _pace.lines < MOST_LINES:
            self._print(took(self.done - self._done_before, self.unit, seconds))

    def measure(self):
        """Rate and time left are those from now on: what came before was no measure of it."""
        self._since, self._done_then, self._share_then = time.monotonic(), self.done, self._share_done()

    def update(self, count=1):
        """So much more is done."""
        self.done += count
        if self._bar is not None:
            # without a total the bar itself knows no share
            share = "" if self.total else _percent(self._share_done())
            self._bar.set_description(f"{self.name} {share}".strip(), refresh=False)
            self._bar.set_postfix_str(self.note, refresh=False)
            self._bar.update(self.done - self._bar.n)
        elif self.shown:
            share = self._share_done()
            if _pace.due(time.monotonic(), None if share is None else share - self._told):
                self._told = share
                self._print(self.line())

    def line(self):
        """What there is to say now, without the name; str."""
        share, left, done = self._share_done(), self.seconds_left(), _amount(self.done, self.unit)
        if self.total:
            done = f"{done.removesuffix(f' {self.unit}')} of {_amount(self.total, self.unit)}"
        parts = [
            done + (f" ({_percent(share)})" if share is not None else ""),
            f"{_amount(self.rate(), self.unit)}/s",
            *([f"{about(left)} left"] if left else []),
        ]
        return ", ".join(parts) + (f"; {self.note}" if self.note else "")

    def rate(self):
        """How much is done in a second; float."""
        return (self.done - self._done_then) / max(time.monotonic() - self._since, 1e-9)

    def seconds_left(self):
        """As far as what was done since `measure` tells; float, None: not known."""
        share = self._share_done()
        if share is None or share <= self._share_then:
            return None
        return (time.monotonic() - self._since) * (1.0 - share) / (share - self._share_then)

    def _print(self, text):
        _pace.count(time.monotonic())
        print(f"{self.name}: {text}", file=sys.stderr, flush=True)


def track(items, name, total=None, unit="images"):
    """The items of an iterable, and meanwhile its progress; see `Progress`."""
    with Progress(name, len(items) if total is None else total, unit) as progress:
        for item in items:
            yield item
            progress.update()


def say(text):
    """Print a line to stdout at once, above a bar where there is one."""
    _pace.count(time.monotonic())
    with tqdm.external_write_mode() if in_terminal() else contextlib.nullcontext():
        print(text, flush=True)


def in_terminal():
    """Whether stderr is a terminal in which a line can be redrawn, of a width that is known."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return False
    return os.get_terminal_size(sys.stderr.fileno()).columns > 0


def took(count, unit, seconds):
    """Such as "192,000 images in 2 min 40 s (1,200 images/s)"; units as in `Progress`."""
    return f"{_amount(count, unit)} in {duration(seconds)} ({_amount(count / max(seconds, 1e-9), unit)}/s)"


def about(seconds):
    """Such as "about 40 s", "about 3 min"."""
    return f"about {duration(seconds if seconds < 90 else 60 * round(seconds / 60))}"


def duration(seconds):
    """Such as "0.4 s", "40 s", "2 min 40 s", "1 h 5 min", "3 d 2 h"; str."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    seconds = round(seconds)
    for size, name, smaller, part in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            rest = seconds % size // smaller
            return f"{seconds // size} {name}" + (f" {rest} {part}" if rest else "")
    return f"{seconds} s"


def _amount(count, unit):
    if unit == "B":
        return f"{count / 1e6:,.1f} MB"
    number = f"{count:.2g}" if isinstance(count, float) and count < 10 else f"{count:,.0f}"
    return f"{number} {unit}"


def _percent(share):
    return "" if share is None else f"{100 * share:.0f} %"
