"""Plain tables with aligned columns."""

import statistics


def span(numbers):
    """Median, and (lowest .. highest), as texts."""
    places = 0 if min(numbers) >= 100 else 1 if min(numbers) >= 10 else 2
    return f"{statistics.median(numbers):.{places}f}", f"({min(numbers):.{places}f} .. {max(numbers):.{places}f})"


def table(title, heads, rows):
    """Print a title and rows of texts; the first column to the left, the others to the right."""
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(len(heads))]
    print(f"\n{title}")
    for row in (heads, *rows):
        cells = [
            text.ljust(w) if column == 0 else text.rjust(w)
            for column, (text, w) in enumerate(zip(row, widths, strict=True))
        ]
        print("  " + "  ".join(cells).rstrip(), flush=True)
