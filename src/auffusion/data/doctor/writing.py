"""The files of a report: for machines, for people, and the rows that are good and bad."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

from auffusion.data.assembling import FACTS
from auffusion.data.clips import json_lines
from auffusion.data.doctor.faults import Finding, Severity
from auffusion.data.doctor.page import report_page
from auffusion.data.doctor.report import Report
from auffusion.data.listing import Reject
from auffusion.errors import InputError
from auffusion.files import whole_file, write_file

REPORT, PAGE = "report.json", "report.html"
"""Numbers and examples, for machines and for people."""

FINDINGS, REJECTS, CLEAN = "findings.jsonl", "rejects.jsonl", "clean.jsonl"
"""Every fault of every row; the rows that are rejected and why; the others as they came."""

_FORMAT = 1


def write_report(report: Report, folder: Path) -> None:
    """Write all files of a report, each whole or not at all; the two reports last.

    The same rows and sounds give the same bytes.

    Raises:
        InputError: the folder is that of the data set itself, the manifest was changed since the
            check, or the disk is full.
    """
    _check_folder(report, folder)
    (folder / REPORT).unlink(missing_ok=True)
    _write_rows(report, folder)
    write_file(folder / PAGE, report_page(report).encode())
    write_file(folder / REPORT, (json.dumps(report_facts(report), indent=1) + "\n").encode())


def report_facts(report: Report) -> dict[str, Any]:
    """The report as plain values."""
    return {
        "format": _FORMAT,
        "name": report.name,
        "rows": report.rows,
        "opened": report.opened,
        "rejected": report.rejected,
        "warned": report.warned,
        "clean": report.rows - report.rejected,
        "bad_fraction": round(report.bad_fraction, 6),
        "sounds": report.checks.sounds,
        "faults": {
            fault.value: {
                "severity": report.severity(fault).value,
                "rows": count,
                "examples": [asdict(one) for one in report.examples[fault]],
            }
            for fault, count in report.faults.items()
        },
        "splits": [asdict(one) for one in report.splits],
        "licenses": [asdict(one) for one in report.licenses],
        "histograms": [asdict(one) for one in report.histograms],
        "against": [asdict(one) for one in report.held],
    }


def _check_folder(report: Report, folder: Path) -> None:
    if (folder / FACTS).exists():
        raise InputError(
            f"{folder} is a prepared data set, whose files a report would overwrite: name another "
            "folder"
        )
    taken = {(folder / name).absolute() for name in (REPORT, PAGE, FINDINGS, REJECTS, CLEAN)}
    if report.manifest.path.absolute() in taken:
        raise InputError(f"the report would overwrite {report.manifest.path}: name another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot create {folder}: {error.strerror or error}") from error


def _write_rows(report: Report, folder: Path) -> None:
    by_row = groupby(report.findings(), key=lambda finding: finding.number)
    number, found = _next(by_row)
    count = 0
    with ExitStack() as stack:
        findings, rejects, clean = (
            stack.enter_context(whole_file(folder / name)) for name in (FINDINGS, REJECTS, CLEAN)
        )
        for count, row in enumerate(report.manifest.values(), start=1):
            faults: list[Finding] = []
            if number == count - 1:
                faults = found
                number, found = _next(by_row)
            findings.write(json_lines(map(_finding, faults)))
            errors = [one for one in faults if one.severity is Severity.ERROR]
            if errors:
                rejects.write(json_lines([_reject(row, errors)]))
            elif not isinstance(row, Reject):
                clean.write(json_lines([row[1]]))
        if count != report.rows:
            raise InputError(f"{report.manifest.path} was changed during the check: run it again")


def _next(
    by_row: Iterator[tuple[int, Iterable[Finding]]],
) -> tuple[int | None, list[Finding]]:
    number, found = next(by_row, (None, ()))
    return number, list(found)


def _finding(finding: Finding) -> Mapping[str, Any]:
    return {
        "place": finding.place,
        "id": finding.id,
        "fault": finding.fault.value,
        "severity": finding.severity.value,
        "detail": finding.detail,
    }


def _reject(row: tuple[str, dict[str, Any]] | Reject, errors: list[Finding]) -> Mapping[str, Any]:
    return {
        "place": errors[0].place,
        "id": errors[0].id,
        "reasons": [{"fault": one.fault.value, "detail": one.detail} for one in errors],
        "row": None if isinstance(row, Reject) else row[1],
    }
