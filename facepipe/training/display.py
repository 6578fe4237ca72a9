"""What a training shows while it runs, and when; nothing that it ends with depends on it."""

import contextlib
import time
from datetime import datetime, timedelta

from facepipe.core.progress import Progress, about, say, took

REFRESH_SECONDS = 1.0
# steps of known kinds that the first estimate is made from
ESTIMATE_STEPS, ESTIMATE_SECONDS = 16, 5.0
# previews: the first, the next, and the share of the time that drawing them may take
FIRST_SECONDS, NEXT_SECONDS, DRAWING_SHARE = 20.0, 60.0, 0.02


class Display:
    """Progress, an estimate of the end, and when to look at an epoch that runs.

    Args:
        stage: str.
        total: int, images of the whole training; None under a budget in minutes.
        share: function that gives the share of a budget in minutes that is used, in [0, 1]; None: there is none.
        shown: bool, whether this worker is the one that speaks.
    """

    def __init__(self, stage, total, share, shown):
        self._stage, self._shown = stage, shown
        self._progress = Progress(stage, total, share=share, shown=shown, summary=False)
        self._variants, self._steps, self._estimated, self._refreshed = set(), 0, not shown, 0.0

    @contextlib.contextmanager
    def running(self, done):
        """A block in which the training runs; `done`: int, the images that earlier processes saw."""
        self._progress.done, self._preview_at = done, time.monotonic() + FIRST_SECONDS
        with self._progress:
            yield

    def step(self, variant, images):
        """A step of this variant is done; the first of each kind also traced its graph, which is no measure."""
        self._steps += 1
        self._progress.done += images
        if variant not in self._variants:
            self._variants.add(variant)
            self._steps, self._measured = 0, time.monotonic()
            self._progress.measure()
        elif not self._estimated:
            self._estimate()
        self._progress.update(0)

    def _estimate(self):
        left = self._progress.seconds_left()
        enough = self._steps >= ESTIMATE_STEPS and time.monotonic() - self._measured >= ESTIMATE_SECONDS
        if not enough or left is None:
            return
        self._estimated = True
        now = datetime.now()
        end = now + timedelta(seconds=left)
        say(f"{self._stage}: {about(left)}, until {end:{'%H:%M' if end.date() == now.date() else '%a %H:%M'}}")

    def refresh_due(self):
        """Whether it is time for new `describe`: once a second at most, since it has to wait for the steps."""
        due = self._shown and time.monotonic() - self._refreshed > REFRESH_SECONDS
        if due:
            self._refreshed = time.monotonic()
        return due

    def describe(self, epoch, epochs, terms):
        """Where the training is: ints, epochs None under a budget in minutes; terms: the loss's, dict of floats."""
        place = f"epoch {epoch}/{epochs}" if epochs else f"epoch {epoch}"
        self._progress.note = " ".join([place, *(f"{name} {value:.4g}" for name, value in terms.items())])

    def preview_due(self):
        """Whether the last picture is so old that one of the running epoch is wanted."""
        return self._shown and time.monotonic() >= self._preview_at

    def drawn(self, seconds):
        """A picture was drawn in so many seconds."""
        self._preview_at = time.monotonic() + max(NEXT_SECONDS, seconds / DRAWING_SHARE)

    def say_took(self, images, seconds):
        """What the whole training took."""
        if self._shown:
            say(f"{self._stage}: {took(images, 'images', seconds)}")
