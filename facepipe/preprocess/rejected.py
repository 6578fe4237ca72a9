"""Pictures that are left out, rejected or copies of others: the list of them, and their reasons counted."""

import re

from facepipe.core.files import write_csv

# what is particular to a picture, and what stands for it where reasons are counted; the first that fits
PARTICULAR = (
    (r"^a copy of .+?( with another .+)?$", r"a copy of another picture\1"),
    (r"^its id .+", "its id is that of another picture"),
    (r"^damaged: .+", "damaged"),
    (r"(?<=none above )\d+", "..."),
    (r"\d+(\.\d+)?", "..."),
)


def write_rejected(path, rejected):
    """Write (member name, reason) pairs as CSV, sorted."""
    write_csv(path, ("source", "reason"), sorted((printable(name), printable(reason)) for name, reason in rejected))


def printable(name):
    """A file's name as text: bytes that are not UTF-8 are written as \\udc.. escapes."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def count_reasons(rejected):
    """Count alike reasons as one.

    Args:
        rejected: iterable of (source, reason).

    Returns:
        list of (reason, pictures, first source), the most frequent first. Where the reasons counted as one differ,
        "..." or "another picture" stands for what differs.
    """
    groups = {}
    for source, reason in rejected:
        groups.setdefault(_general(reason), []).append((source, reason))
    rows = []
    for general, group in groups.items():
        reasons = {reason for _, reason in group}
        rows.append((reasons.pop() if len(reasons) == 1 else general, len(group), group[0][0]))
    return sorted(rows, key=lambda row: (-row[1], row[0]))


def _general(reason):
    for pattern, general in PARTICULAR:
        text, found = re.subn(pattern, general, reason)
        if found:
            return text
    return reason
