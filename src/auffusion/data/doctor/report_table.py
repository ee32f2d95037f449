"""A report as plain text, for a terminal."""

from collections.abc import Sequence

from auffusion.data.doctor.faults import Severity
from auffusion.data.doctor.report import Report, told_length


def report_table(report: Report) -> str:
    """Rows, faults and hours in columns."""
    clean = report.rows - report.rejected
    lines = [
        f"{report.name}: {report.rows:,} rows, {clean:,} clean, {report.rejected:,} rejected "
        f"({report.bad_fraction:.2%}), {report.warned:,} with warnings only",
        "",
    ]
    faults = [
        (fault.told, report.severity(fault).value, f"{count:,}", report.examples[fault][0].place)
        for severity in Severity
        for fault, count in report.faults.items()
        if report.severity(fault) is severity
    ]
    if faults:
        lines += [*_columns([("fault", "means", "rows", "first"), *faults], "<<><"), ""]
    hours = [
        (one.name, f"{one.rows:,}", told_length(one.hours), f"{one.clean_rows:,}",
         told_length(one.clean_hours))
        for one in report.splits
    ]  # fmt: skip
    lines += _columns([("split", "rows", "length", "clean rows", "clean length"), *hours], "<>>>>")
    for held in report.held:
        lines.append(f"held against {held.name}: {held.rows:,} rows, {held.opened:,} sounds")
    return "\n".join(_plain(line) for line in lines) + "\n"


def _columns(rows: Sequence[Sequence[str]], sides: str) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(sides))]
    return [
        "  ".join(
            f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True)
        ).rstrip()
        for row in rows
    ]


def _plain(line: str) -> str:
    # A file's name may hold what a terminal obeys.
    return "".join(letter if letter.isprintable() else "?" for letter in line)
