"""Tables as plain text."""

from collections.abc import Collection, Sequence


def aligned(rows: Sequence[Sequence[str]], words: Collection[int] = (0,)) -> list[str]:
    """Columns side by side, one line a row; those numbered in `words` to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if i in words else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def aligned_by_kind(rows: Sequence[Sequence[str]]) -> list[str]:
    """The same with every column that holds words below its head to the left."""
    columns = list(zip(*rows, strict=True))
    return aligned(rows, [i for i, column in enumerate(columns) if any(c and not c[0].isdigit() for c in column[1:])])
