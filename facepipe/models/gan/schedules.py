"""When the discriminator (D) and the generator (G) train: fixed ratio, decaying ratio, gated by D's accuracy."""

from typing import Protocol


class Schedule(Protocol):
    """One decision a step."""

    needs_accuracy: bool  # whether `observe` matters: it makes the host wait for the step

    def decide(self):
        """(train_d, train_g), bools, at least one of them True; called once before each step."""

    def observe(self, accuracy):
        """Told D's accuracy on that step's batch, in [0, 1]."""

    def state(self):
        """What has changed since the start, a list of numbers."""

    def restore(self, state):
        """Go on where another schedule of the same params gave this `state()`."""


class _Blind:
    """A schedule that does not look at the accuracy."""

    needs_accuracy = False

    def observe(self, accuracy):
        pass


class Ratio(_Blind):
    """`d_steps` D steps per `g_steps` G steps, evenly spaced: the one with more steps trains always."""

    def __init__(self, d_steps, g_steps):
        self._d = _Every(min(1.0, d_steps / g_steps))
        self._g = _Every(min(1.0, g_steps / d_steps))

    def decide(self):
        return self._d.next(), self._g.next()

    def state(self):
        return [self._d.due, self._g.due]

    def restore(self, state):
        self._d.due, self._g.due = state


class Decay(_Blind):
    """D steps per G step fall (or rise) linearly from `start` to `end` over `images` images, then stay."""

    def __init__(self, start, end, images, batch_size):
        self._start, self._end, self._steps = start, end, max(1.0, images / batch_size)
        self._step = 0
        self._d, self._g = _Every(1.0), _Every(1.0)

    def decide(self):
        done = min(1.0, self._step / self._steps)
        ratio = self._start + (self._end - self._start) * done
        self._step += 1
        self._d.rate, self._g.rate = min(1.0, ratio), min(1.0, 1.0 / ratio)
        return self._d.next(), self._g.next()

    def state(self):
        return [self._step, self._d.due, self._g.due]

    def restore(self, state):
        self._step, self._d.due, self._g.due = state


class Accuracy:
    """G trains always, D only while its smoothed accuracy is below `threshold`.

    Accuracy = share of real images with a positive and generated ones with a negative logit; smoothed by
    s <- smoothing * s + (1 - smoothing) * accuracy, starting from 0.5 (chance).
    """

    needs_accuracy = True

    def __init__(self, threshold, smoothing):
        self._threshold, self._smoothing = threshold, smoothing
        self.smoothed = 0.5

    def decide(self):
        return self.smoothed < self._threshold, True

    def observe(self, accuracy):
        self.smoothed = self._smoothing * self.smoothed + (1 - self._smoothing) * accuracy

    def state(self):
        return [self.smoothed]

    def restore(self, state):
        (self.smoothed,) = state


class _Every:
    """True on a share `rate` of the calls, evenly spaced, beginning with the first."""

    def __init__(self, rate):
        self.rate = rate
        self.due = 1.0

    def next(self):
        # the small term keeps sums such as 10 x 0.1 from falling short of 1
        fire = self.due >= 1.0 - 1e-9
        self.due += self.rate - fire
        return fire


def make_schedule(params, batch_size):
    """The schedule that `models.gan.config.Schedule` names."""
    if params.name == "ratio":
        return Ratio(params.d_steps, params.g_steps)
    if params.name == "decay":
        return Decay(params.d_start, params.d_end, params.decay_images, batch_size)
    return Accuracy(params.threshold, params.smoothing)
