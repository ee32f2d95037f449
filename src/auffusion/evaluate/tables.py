"""Tables for people and for papers: plain text, Markdown, LaTeX."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from auffusion.evaluate.bootstrap import Interval

_MOST_DECIMALS = 4
_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "↓": r"$\downarrow$",
    "↑": r"$\uparrow$",
    "∞": r"$\infty$",
}
ARROWS = {"lower": "↓", "higher": "↑"}


class Form(StrEnum):
    """How a table is written."""

    TEXT = "text"
    MARKDOWN = "markdown"
    LATEX = "latex"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A text of a table."""

    text: str
    """What stands there."""
    best: bool = False
    """Whether it is the best of its column."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows and columns; the first column names the rows."""

    columns: tuple[str, ...]
    """Headings."""
    rows: tuple[tuple[Cell, ...], ...]
    """As many cells as columns."""

    def write(self, form: Form) -> str:
        """The table in a form, with a line break at its end."""
        writers = {Form.TEXT: _text, Form.MARKDOWN: _markdown, Form.LATEX: _latex}
        return writers[form](self) + "\n"


def decimals(spread: float) -> int:
    """Digits behind the point, so that a spread is told with two digits.

    >>> decimals(0.023), decimals(4.2), decimals(170.0)
    (3, 1, 0)
    """
    if not spread > 0 or not math.isfinite(spread):
        return _MOST_DECIMALS
    return min(_MOST_DECIMALS, max(0, 1 - math.floor(math.log10(spread))))


def number(value: float, spread: float | None = None) -> str:
    """A number with as many digits as its spread allows, or four significant ones; rounded.

    >>> number(21.98765, 0.9), number(21.98765), number(-0.00004)
    ('21.99', '21.99', '-4e-05')
    """
    told = f"{value:.4g}" if spread is None else f"{value:.{decimals(spread)}f}"
    return told.replace("-0", "0", 1) if float(told) == 0 else told


def with_interval(value: float, interval: Interval | None) -> str:
    """A value and its interval in brackets."""
    if interval is None:
        return number(value)
    return f"{number(value, spread_of(interval))} {ends(interval)}"


def ends(interval: Interval) -> str:
    """An interval in brackets."""
    spread = spread_of(interval)
    return f"[{number(interval.low, spread)}, {number(interval.high, spread)}]"


def spread_of(interval: Interval) -> float:
    """Half the width of an interval."""
    return (interval.high - interval.low) / 2


def _text(table: Table) -> str:
    lines = [list(table.columns), *([cell.text for cell in row] for row in table.rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(table.columns))]
    return "\n".join(
        "  ".join(
            text.ljust(width) if column == 0 else text.rjust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _markdown(table: Table) -> str:
    def escaped(text: str) -> str:
        return text.replace("\\", "\\\\").replace("|", "\\|")

    rule = ["---", *["---:"] * (len(table.columns) - 1)]
    lines: list[Sequence[str]] = [[escaped(one) for one in table.columns], rule]
    lines += [
        [f"**{escaped(c.text)}**" if c.best else escaped(c.text) for c in row] for row in table.rows
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _latex(table: Table) -> str:
    r"""With the rules of booktabs: \usepackage{booktabs}."""

    def escaped(text: str) -> str:
        return "".join(_LATEX.get(letter, letter) for letter in text)

    rows = [
        " & ".join(rf"\textbf{{{escaped(c.text)}}}" if c.best else escaped(c.text) for c in row)
        for row in table.rows
    ]
    head = " & ".join(escaped(one) for one in table.columns)
    lines = [
        rf"\begin{{tabular}}{{l{'r' * (len(table.columns) - 1)}}}",
        r"\toprule",
        rf"{head} \\",
        r"\midrule",
        *(rf"{row} \\" for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines)
