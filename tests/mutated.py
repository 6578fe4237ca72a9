"""Tables of latents with random mistakes, and random changes that do no harm."""

import codecs

import numpy as np

CELLS = ["", " ", "nan", "inf", "-1e400", "1e39", "abc", "1,5", "1.234,5", "1'234", "1_0", "0x1", "9" * 400, "0,5"]
CELLS += ['"', '""', "\0", "\n", "\r", "é", "../x", "=1+1", "#REF!", "٣", "\u2028", "\ufeff", "true", "1e-400", "-0"]
HEADERS = [
    "",
    "id",
    "Id",
    "z000",
    "z3",
    "Z002",
    "z-01",
    "split",
    "z999999999999",
    "\ufeffid",
    "attribute",
    "pc000",
    "PC1",
]
ENCODINGS = ["utf-8"] * 9 + ["utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252"]
TAILS = [b"\r\n\r\n", b"\n,,,,\n", b"\n;;;;", b"\x1a", b"\0\0\0", b"\n\n", codecs.BOM_UTF8, b'"']


def mutated(seed):
    """The bytes of a small table with up to three random changes of cells, header, structure, encoding or bytes."""
    rng = np.random.default_rng(seed)
    columns = ["id", "split", "z000", "z001", "z002", "Smiling"]
    rows = [[f"face-{i}", "test", *(f"{v:.9g}" for v in rng.normal(size=3)), str(i % 2)] for i in range(4)]
    rows, end = [columns, *rows], "\n"
    for _ in range(rng.integers(4)):
        rows, end = _change(rng, rows, end)
    comma = str(rng.choice([",", ",", ",", ";", "\t"]))
    if comma != "," and rng.random() < 0.5:
        rows = [rows[0], *([cell.replace(".", ",") for cell in row] for row in rows[1:])] if rows else rows
    between = [str(rng.choice([";", "\t", ","])) if rng.random() < 0.02 else comma for _ in rows]
    quote = rng.random() < 0.2
    text = end.join(
        mark.join(f'"{cell}"' if quote else cell for cell in row) for mark, row in zip(between, rows, strict=True)
    )
    data = bytearray(text.encode(str(rng.choice(ENCODINGS)), "replace"))
    kind = rng.integers(10)
    if kind == 0:
        data = data[: rng.integers(len(data) + 1)]
    elif kind == 1 and data:
        for _ in range(rng.integers(1, 4)):
            data[rng.integers(len(data))] = rng.integers(256)
    elif kind == 2:
        at = rng.integers(len(data) + 1)
        data[at:at] = rng.bytes(int(rng.integers(1, 40)))
    elif kind == 3:
        data += TAILS[rng.integers(len(TAILS))]
    return bytes(data)


def _change(rng, rows, end):
    """One change of cells, header or structure; (rows, line end)."""
    row, column = (int(rng.integers(most)) for most in (len(rows), 6)) if rows else (0, 0)
    kind = rng.integers(10)
    if not rows:
        rows = [[]]
    elif kind == 0 and column < len(rows[row]):
        rows[row][column] = str(rng.choice(CELLS))
    elif kind == 1 and column < len(rows[0]):
        rows[0][column] = str(rng.choice(HEADERS))
    elif kind == 2:
        rows[row] = rows[row][:column]
    elif kind == 3:
        rows[row] = [*rows[row], str(rng.choice(CELLS))]
    elif kind == 4:
        rows.insert(row, list(rows[rng.integers(len(rows))]))
    elif kind == 5:
        rows.insert(row, [])
    elif kind == 6 and len({len(line) for line in rows}) == 1:
        order = rng.permutation(len(rows[0]))
        rows = [[line[i] for i in order] for line in rows]
    elif kind == 7:
        end = str(rng.choice(["\r\n", "\r", "\n\n", ";", "\u2028"]))
    elif kind == 8:
        del rows[row]
    elif kind == 9:
        rows = [[*line, "", ""] for line in rows]
    return rows, end
