"""Cells of a spreadsheet as numbers or labels: decimal points or commas, yes and no, and what is wrong with others."""

import math
import re

import numpy as np

LIMIT = 2.0**128 - 2.0**103  # float32 rounds to infinity from here on
_GROUPS = re.compile(r"[+-]?\d{1,3}(?P<mark>[.,'’ \u00a0\u2007\u2009\u202f])\d{3}((?P=mark)\d{3})*([.,]\d+)?")
_NAMES = {".": "point", ",": "comma"}
_MINUS = {0x2212: "-"}  # what spreadsheets of some languages write
_SPACES = " \t\u00a0\u2007\u2009\u202f"
# what spreadsheets and people write in English, German, French, Spanish, Italian, Portuguese and Dutch
_YES = "true yes y wahr ja vrai oui verdadero sí si vero sì verdadeiro sim waar"
_NO = "false no n falsch nein faux non falso não nao onwaar nee"
WORDS = dict.fromkeys(_YES.split(), 1.0) | dict.fromkeys(_NO.split(), 0.0)
_PLAIN = {"": math.nan, "0": 0.0, "1": 1.0, "-1": -1.0}  # most cells of labels


def short(text):
    """`text` as one line of at most some 40 characters, for messages."""
    return repr(text if len(text) <= 40 else text[:37] + "...")


def zero_one(numbers):
    """A column of labels as 0.0 (without) and 1.0 (with).

    Args:
        numbers: float (n,) as of `Cells.label`; NaN is unknown, and stays.

    Returns:
        float64 (n,); None where the known ones are neither all 0 or 1 nor all -1 or 1.
    """
    known = numbers[~np.isnan(numbers)]
    if np.isin(known, (0, 1)).all() or np.isin(known, (-1, 1)).all():
        return np.where(numbers == -1, 0.0, numbers)
    return None


class Cells:
    """Reads the numbers of one file, all of which have the same decimal mark.

    Args:
        comma: bool, whether that may be a comma: not where commas separate the cells.
        expected: str, what a cell may be, for messages.
    """

    def __init__(self, comma, expected="a number"):
        self._comma = comma
        self._expected = expected
        self._mark = None  # of the numbers so far

    def numbers(self, texts):
        """The numbers in `texts`, float64 (n,), or None where one is not a number that float32 can hold."""
        joined = "".join(texts)
        if not joined.isascii():
            texts = [_plain(text) for text in texts]
            joined = "".join(texts)
        # float() also takes 1_000 and the digits of other scripts
        if "_" in joined or not joined.isascii():
            return None
        marks = {mark for mark in _NAMES if mark in joined} if self._comma else set()
        if len(marks | {self._mark} - {None}) > 1:
            return None
        if "," in marks:
            texts = [text.replace(",", ".") for text in texts]
        try:
            values = np.fromiter(map(float, texts), np.float64, len(texts))
        except ValueError:
            return None
        if not (np.abs(values) < LIMIT).all():  # NaN fails every comparison
            return None
        self._mark = next(iter(marks), self._mark)
        return values

    def label(self, text):
        """A cell of a column that may hold labels: float, NaN where it is empty; None: no number, none of `WORDS`."""
        if (value := _PLAIN.get(text)) is not None:
            return value
        word = text.strip().lower()
        if not word or word in WORDS:
            return WORDS.get(word, math.nan)
        numbers = self.numbers([text])
        return None if numbers is None else float(numbers[0])

    def first_problem(self, texts):
        """(position, what is wrong) of the first of `texts` that is not a number, or has another decimal mark."""
        i = next(i for i, text in enumerate(texts) if self.numbers([text]) is None)
        return i, self._problem(texts[i])

    def _problem(self, text):
        plain = _plain(text)
        stripped = plain.strip()
        if not stripped:
            return f"empty cell; expected {self._expected}"
        if stripped.lower().lstrip("+-") in ("nan", "inf", "infinity"):
            return f"{short(text)} is not a finite number"
        marks = [mark for mark in _NAMES if mark in stripped]
        groups = _GROUPS.fullmatch(stripped)
        if groups and (groups["mark"] not in marks or stripped.count(groups["mark"]) > 1 or len(marks) > 1):
            return f"{short(text)} has a thousands separator; write it without"
        if marks == [","] and not self._comma:
            return f"{short(text)} is not {self._expected}; write decimals with a point"
        try:
            # not `stripped`: str.strip takes more for a space than float does
            number = float(plain.replace(",", ".")) if plain.isascii() and "_" not in plain else None
        except ValueError:
            number = None
        if number is None:
            return f"{short(text)} is not {self._expected}"
        if abs(number) >= LIMIT:
            return f"{short(text)} is too large for float32 (at most 3.4e38)"
        # what is left has the wrong mark
        here, before = _NAMES[marks[0]], _NAMES[self._mark]
        return f"{short(text)} has a decimal {here}, the numbers before it a {before}; write all of them one way"


def _plain(text):
    return text.translate(_MINUS).strip(_SPACES)
