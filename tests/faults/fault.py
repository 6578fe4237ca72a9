"""A fault: what is done to which stage, and what has to come out."""

from collections.abc import Callable
from typing import NamedTuple

# what may come out of a fault, in the order of the table's columns
OUTCOMES = {
    "same": "as undisturbed",
    "refused": "refused in one line",
    "ended": "ended by the signal or the system",
    "edited": "other text taken as the user's, seen by DVC",
    "skipped": "not possible here",
}


class Fault(NamedTuple):
    """A fault.

    Attributes:
        kind: str, the row of the table that counts it.
        stage: str, as `place.STAGES` has it.
        what: str, what else tells it from others.
        inject: function of a `Place` that does it and gives one of `OUTCOMES`, or (outcome, what was said);
            AssertionError: a promise is broken.
    """

    kind: str
    stage: str
    what: str
    inject: Callable

    @property
    def id(self):
        return "-".join((self.kind, self.stage, self.what)).replace(" ", "_").replace("/", ".")
