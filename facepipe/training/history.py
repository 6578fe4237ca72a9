"""What a training reports: means of its terms over an epoch, history.csv, and the stop at a value not finite."""

import itertools
import math

from facepipe.core.files import write_csv
from facepipe.errors import InputError


class Means:
    """The mean of each term over the steps of an epoch that computed it.

    The tensors of a step wait until `pull` fetches them, so that no step waits for its report; sums are float64 in
    the order of the steps, whenever they are pulled.

    Args:
        sums: dict of [sum, count] by term, what an earlier process had pulled of this epoch.
    """

    def __init__(self, sums=None):
        self.sums = sums or {}
        self._waiting = []

    def add(self, step, terms):
        """A step's number and its terms, a dict of scalar tensors."""
        self._waiting.append((step, terms))

    def pull(self, learning_rate):
        """Fetch what waits; the last step's terms as floats, {} if nothing waited.

        Raises:
            InputError: the first term that is not finite.
        """
        values = {}
        for step, terms in self._waiting:
            values = {name: float(value) for name, value in terms.items()}
            check_finite(values, step, learning_rate)
            for name, value in values.items():
                total, count = self.sums.get(name, (0.0, 0))
                self.sums[name] = [total + value, count + 1]
        self._waiting.clear()
        return values

    def means(self):
        """Dict of floats, of all that was pulled."""
        return {name: total / count for name, (total, count) in self.sums.items()}


def check_finite(values, step, learning_rate):
    """Raise InputError at the first of `values`, a dict of floats, that is not finite."""
    for name, value in values.items():
        if not math.isfinite(value):
            raise not_finite(name, value, step, learning_rate)


def not_finite(name, value, step, learning_rate):
    """The InputError that says so."""
    return InputError(
        f"{name} became {value} at step {step} (learning rate {learning_rate:g}); the same params come to it again: "
        "lower the learning rate, or use precision: float32"
    )


def write_history(path, rows):
    """Write history.csv atomically: dicts of int and float, one an epoch; floats with 7 significant digits."""
    names = list(dict.fromkeys(itertools.chain.from_iterable(rows)))
    write_csv(path, names, ([row.get(name) for name in names] for row in rows), digits=7)
