"""A report as one page for people: no scripts, nothing from elsewhere, all text inert."""

from collections.abc import Iterable, Sequence

from auffusion.data.doctor.faults import Fault, Severity
from auffusion.data.doctor.histogram_picture import histogram_picture
from auffusion.data.doctor.report import Example, Report, Share, told_length
from auffusion.page import number, page, safe, table

_STYLE = """
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: 1rem; }
.numbers b { display: block; font-size: 1.7rem; font-weight: 600; line-height: 1.2;
  font-variant-numeric: tabular-nums; }
.numbers span { color: var(--faint); }
.meter { display: flex; gap: 2px; height: 10px; margin-top: 1.1rem; border-radius: 5px;
  overflow: hidden; background: var(--line); }
.meter i { display: block; min-width: 3px; }
i.good { background: var(--good); } i.warning { background: var(--warn); }
i.error { background: var(--bad); }
.mark { border: 1px solid currentColor; border-radius: 99px; padding: 0 .55rem; font-size: .8rem;
  white-space: nowrap; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr));
  gap: 1.2rem; }
figure { margin: 0; } figcaption { color: var(--faint); font-size: .87rem; margin-bottom: .3rem; }
svg { width: 100%; height: auto; display: block; }
.field { fill: transparent; } g:hover .field { fill: var(--hover); }
.bar { fill: var(--bar); } .axis { stroke: var(--line); }
svg text { fill: var(--faint); font-size: 11px; text-anchor: middle; }
svg text.start { text-anchor: start; } svg text.end { text-anchor: end; }
svg text.count { fill: var(--ink); }
details { border-top: 1px solid var(--line); padding: .6rem 0; }
details:first-of-type { border-top: 0; }
summary { cursor: pointer; font-weight: 500; } summary small { color: var(--faint);
  font-weight: 400; }
details table { margin-top: .5rem; table-layout: fixed; }
details th:nth-child(1) { width: 16%; } details th:nth-child(2) { width: 19%; }
details th:nth-child(3) { width: 32%; }
.place { color: var(--faint); overflow-wrap: anywhere; }
"""


def report_page(report: Report) -> str:
    """The page as HTML."""
    body = [
        _numbers(report),
        _faults(report),
        _hours("Splits", "split", report.splits),
        _pictures(report),
        _hours("Licences", "licence", report.licenses),
        _held(report),
        _examples(report),
    ]
    sections = "\n".join(f"<section>{one}</section>" for one in body if one)
    looked = "rows and sounds" if report.checks.sounds else "rows only, no sound was opened"
    return page(
        f"{report.name}: check",
        sections,
        heading=report.name,
        under=f"Check of the data set: {looked}",
        footer="All findings are in findings.jsonl, what is rejected and why in rejects.jsonl, "
        "the other rows in clean.jsonl.",
        style=_STYLE,
    )


def _numbers(report: Report) -> str:
    clean = report.rows - report.rejected
    hours = sum((one.hours for one in report.splits), 0.0)
    told = (
        (f"{report.rows:,}", "rows", ""),
        (f"{clean:,}", "clean", "good"),
        (f"{report.warned:,}", "of them with warnings", "warning" if report.warned else ""),
        (f"{report.rejected:,}", f"rejected ({report.bad_fraction:.2%})", "error"),
        (told_length(hours), "of sound", ""),
    )
    cells = "".join(
        f'<div><b class="{kind}">{n}</b><span>{of}</span></div>' for n, of, kind in told
    )
    parts = (
        (clean - report.warned, "good"),
        (report.warned, "warning"),
        (report.rejected, "error"),
    )
    meter = "".join(f'<i class="{kind}" style="flex:{n}"></i>' for n, kind in parts if n)
    return f'<div class="numbers">{cells}</div><div class="meter">{meter}</div>'


def _faults(report: Report) -> str:
    if not report.faults:
        return '<h2>Faults</h2><p class="good">None were found.</p>'
    rows = [
        [
            f'<td class="text">{safe(fault.told)}</td>',
            f"<td>{_mark(report, fault)}</td>",
            number(f"{count:,}"),
            number(f"{count / report.rows:.2%}"),
            f'<td class="text">{safe(report.examples[fault][0].detail)}</td>',
        ]
        for severity in Severity
        for fault, count in report.faults.items()
        if report.severity(fault) is severity
    ]
    head = '<th>fault</th><th>means</th><th class="number">rows</th><th class="number">share</th>'
    return f"<h2>Faults</h2>{table(f'{head}<th>the first</th>', rows)}"


def _mark(report: Report, fault: Fault) -> str:
    severity = report.severity(fault)
    told = "rejected" if severity is Severity.ERROR else "warning"
    return f'<span class="mark {severity.value}">{told}</span>'


def _hours(title: str, column: str, shares: Sequence[Share]) -> str:
    rows = [
        [
            f'<td class="text">{safe(one.name)}</td>',
            number(f"{one.rows:,}"),
            number(told_length(one.hours)),
            number(f"{one.clean_rows:,}"),
            number(told_length(one.clean_hours)),
        ]
        for one in shares
    ]
    heads = ("rows", "length", "clean rows", "clean length")
    head = f"<th>{column}</th>" + "".join(f'<th class="number">{one}</th>' for one in heads)
    return f"<h2>{title}</h2>{table(head, rows)}" if rows else ""


def _pictures(report: Report) -> str:
    if not report.histograms:
        return ""
    figures = "".join(
        f"<figure><figcaption>{safe(one.title)}, {safe(one.unit)}</figcaption>"
        f"{histogram_picture(one)}</figure>"
        for one in report.histograms
    )
    return f'<h2>{report.opened:,} sounds</h2><div class="pictures">{figures}</div>'


def _held(report: Report) -> str:
    rows = [
        [f'<td class="text">{safe(one.name)}</td>', number(f"{one.rows:,}"),
         number(f"{one.opened:,}")]
        for one in report.held
    ]  # fmt: skip
    head = '<th>set</th><th class="number">rows</th><th class="number">sounds opened</th>'
    return f"<h2>Held against</h2>{table(head, rows)}" if rows else ""


def _examples(report: Report) -> str:
    parts = [
        f'<details open><summary><span class="{report.severity(fault).value}">'
        f"{safe(fault.told)}</span> <small>{len(examples)} of {report.faults[fault]:,}</small>"
        f"</summary>{_example_table(examples)}</details>"
        for fault, examples in report.examples.items()
    ]
    return f"<h2>Examples</h2>{''.join(parts)}" if parts else ""


def _example_table(examples: Iterable[Example]) -> str:
    rows = [
        [
            f'<td class="place">{safe(one.place)}</td>',
            f'<td class="text">{safe(one.id)}</td>',
            f'<td class="text">{safe(one.caption)}</td>',
            f'<td class="text">{safe(one.detail)}</td>',
        ]
        for one in examples
    ]
    return table("<th>place</th><th>row</th><th>caption</th><th>what is wrong</th>", rows)
