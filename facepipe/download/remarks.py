"""What is to be said of the user's own files: what is no picture, by kind, and names that had to be guessed."""

import re
from collections import Counter
from pathlib import PurePosixPath

from facepipe.datasets.names import LABELS, TABLES, hidden_by, is_labels, some
from facepipe.datasets.own import common_folder
from facepipe.datasets.own_table import choose_table

KINDS = 8  # that are named
_ARCHIVE = re.compile(r"\.(zip|tar|tgz|tbz2?|txz|gz|bz2|xz|7z|rar|zst)")


class Remarks:
    """Gathered file by file, said in a line each.

    Attributes:
        kinds: Counter of what is left out, by suffix, or by what hides it.
        pictures, labels: names of the pictures, and of what is called labels.csv.
    """

    def __init__(self):
        self.kinds = Counter()
        self.pictures, self.labels, self._tables = [], [], []
        self._guessed, self._first = 0, None

    def no_picture(self, name):
        """A file of this name is left out since it is no picture."""
        suffix = PurePosixPath(name).suffix.lower()
        kind = suffix if re.fullmatch(r"\.\w{1,10}", suffix) else "without a suffix"
        hidden = hidden_by(name)
        self.kinds[hidden or kind] += 1
        if suffix in TABLES and not hidden:
            self._tables.append(name)

    def guessed(self, name, table):
        """A file's name was read by this code page, for want of better knowledge."""
        self._guessed += 1
        self._first = self._first or (name, table)

    def found(self):
        """'3 .txt, 1 .zip (...)'; "" where nothing is left out."""
        common = self.kinds.most_common()
        shown = [f"{count} {kind}" for kind, count in sorted(common[:KINDS], key=lambda pair: (-pair[1], pair[0]))]
        if rest := sum(count for _, count in common[KINDS:]):
            shown.append(f"{rest} of other kinds")
        packed = any(_ARCHIVE.fullmatch(kind) for kind in self.kinds)
        return ", ".join(shown) + (" (an archive inside is not opened: unpack it)" if packed else "")

    def _say_tables(self, path):
        read = choose_table(self.labels, common_folder(self.pictures))
        unread = sorted([*self._tables, *(name for name in self.labels if name != read)])
        if len(unread) == 1:
            (name,) = unread
            cure = f"name it {LABELS}"
            if read:
                cure = f"put all into {read}"
            elif is_labels(name):
                cure = "move it to the top"
            elif not name.lower().endswith((".csv", ".tsv")):
                cure = f"save it as CSV, called {LABELS}"
            print(f"{path}: {name} may be a table of labels, and is not read: {cure}, or set dataset.labels")
        elif unread:
            print(
                f"{path}: {len(unread)} files may be tables of labels, and are not read {some(unread)}: name one of "
                f"them {LABELS}, at the top, or set dataset.labels"
            )

    def say(self, path, labels=None):
        """Print them.

        Args:
            path: of the archive or folder.
            labels: `dataset.labels`; where it is set no other table is looked for.
        """
        if self.kinds:
            total = sum(self.kinds.values())
            files = "file is no picture" if total == 1 else "files are no pictures"
            print(f"{path}: {total} {files}, left out: {self.found()}")
        if not labels:
            self._say_tables(path)
        if self._guessed:
            name, table = self._first
            names = "1 name is" if self._guessed == 1 else f"{self._guessed} names are"
            print(
                f"{path}: {names} not UTF-8, and nothing says what else: read as {table}, the first as {name}; "
                "if that is wrong, mend the names (of an archive: unpack it first) and name the folder"
            )
