"""The one error a user sees: a line that says what is wrong, where, and what would be right."""

import difflib


class InputError(ValueError):
    """Wrong input by the user: shown as one line on stderr, exit code 2, no traceback."""


def suggest(word, known):
    """'; did you mean X?' for the nearest of `known`, or '' when nothing is near."""
    near = difflib.get_close_matches(str(word), [str(k) for k in known], n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""
