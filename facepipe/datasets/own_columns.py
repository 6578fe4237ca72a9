"""The columns of a table of labels, read cell by cell: numbers or yes and no, who it is, the split."""

import array
from collections import Counter

import numpy as np

from facepipe.datasets.labels import SPLIT_CODES
from facepipe.datasets.split_words import SPLITS, part_called, splits_called
from facepipe.errors import InputError
from facepipe.tables.cells import WORDS, short, zero_one

NOTHING = frozenset(("nan", "na", "n/a", "#n/a", "<na>", "null", "none"))  # what programs write for an empty cell


class Ignored:
    """A column that is not read."""

    def __init__(self, name):
        self.name = name

    def add(self, cell, where):
        pass

    def kind(self):
        return None


class Texts:
    """A column of any text that can be printed."""

    def __init__(self, name):
        self.name, self._texts = name, []

    def add(self, cell, where):
        if not cell.isprintable():
            raise InputError(f"{where}, column {self.name}: should be printable text, found {short(cell)}")
        self._texts.append(cell)

    def kind(self):
        return "identity"

    def values(self):
        """list of str, "" where it is unknown."""
        return self._texts


class Splits:
    """A column of the words for train, valid and test, see `split_words`, or of CelebA's 0, 1 and 2 for these."""

    def __init__(self, name):
        self.name, self._texts = name, []
        self._first = {}  # {word: (where, as it is written)}

    def add(self, cell, where):
        word = cell.lower().removesuffix(".0")  # pandas writes whole numbers so where a cell is empty
        if word not in self._first:
            if word in NOTHING:
                word = ""
            elif word and word not in SPLIT_CODES and not part_called(word):
                self._refuse(where, cell)
            self._first[word] = where, cell
        self._texts.append(word)

    def kind(self):
        return "split"

    def values(self):
        """list of str, "" where it is unknown; InputError: the numbers may mean this or that."""
        splits = self._splits()
        return [splits.get(word, "") for word in self._texts]

    def said(self):
        """What stands for what, as text; "" where there are no words but train, valid and test."""
        counts = Counter(self._texts)
        said = [f"{word} is {split} ({counts[word]})" for word, split in self._splits().items()]
        return ", ".join(said) if set(self._first) - {*SPLITS, ""} else ""

    def _splits(self):
        words = set(self._first) - {""}
        codes = sorted(words & set(SPLIT_CODES))
        if codes and (len(codes) < len(words) or codes[-1] != "2"):
            # 0 and 1 may be train and valid, or train and test
            self._refuse(*self._first[codes[0]])
        return {word: SPLIT_CODES[word] for word in codes} or splits_called(sorted(words))

    def _refuse(self, where, cell):
        raise InputError(
            f"{where}, column {self.name}: should be {', '.join(SPLITS)}, a word for one of these (training, val, dev, "
            f"eval, ...) or empty, or 0, 1, 2 for these in a column that has all three, found {short(cell)}"
        )


class Numbers:
    """A column of numbers or of yes and no.

    Attributes:
        words: set of str, the words for yes and no in it.
        unknown: int, how many cells say that they are empty.
    """

    def __init__(self, name, cells):
        self.name, self._cells = name, cells  # `Cells` of the whole table
        self._numbers = array.array("d")
        self._word = None  # (where, text) of the first yes, no, true, false
        self.words, self.unknown = set(), 0

    def add(self, cell, where):
        number = self._cells.label(cell)
        if number is None:
            number = self._without_number(cell, where)
        if not cell.isascii() or cell.isalpha():
            word = cell.lower()
            if word in WORDS:
                self.words.add(word)
                self._word = self._word or (where, cell)
        self._numbers.append(number)

    def _without_number(self, cell, where):
        if cell.lower() in NOTHING:
            self.unknown += 1
            return np.nan
        problem = self._cells.first_problem([cell])[1]
        if cell[:1].isalpha() and problem.startswith(f"{short(cell)} is not a number"):
            problem += "; for texts make a column of 0 and 1 for each, or take the column out"
        raise InputError(f"{where}, column {self.name}: {problem}")

    def kind(self):
        """What it is: "attribute" or "factor"; None: no row has a value."""
        numbers = np.array(self._numbers)
        if np.isnan(numbers).all():
            return None
        if zero_one(numbers) is not None:
            return "attribute"
        if self._word:
            where, text = self._word
            raise InputError(f"{where}, column {self.name}: should be a number as in other rows, found {text!r}")
        return "factor"

    def values(self):
        """float64 (rows,); an attribute's are 1.0, 0.0 or NaN."""
        numbers = np.array(self._numbers)
        return zero_one(numbers) if self.kind() == "attribute" else numbers
