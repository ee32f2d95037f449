"""Scores by the number of sounds that captions name, and along what was varied."""

import csv
import io

import numpy as np
import pytest
from small_tables import CAPTIONS, video

from auffusion.errors import InputError
from auffusion.evaluate.bootstrap import Interval, Method
from auffusion.evaluate.condition import condition, summary
from auffusion.evaluate.result import ProtocolResult, Result, ScoreResult, SideResult
from auffusion.evaluate.tables import Form
from auffusion.recipes.event_count import EventGroup, count_events, event_group
from auffusion.recipes.tables import running
from auffusion.recipes.tables.groups import group_scores
from auffusion.recipes.tables.needs import Equipment
from auffusion.recipes.tables.printed import Printed
from auffusion.recipes.tables.recipe import read_table
from auffusion.recipes.tables.report import table_report
from auffusion.recipes.tables.running import run_table
from auffusion.recipes.tables.sweep import sweep_chart, sweep_points

GROUPS = """
[system.real]
kind = "recordings"
title = "Ground truth"
[system.real.paper]
table = [71.56, 50.9, 51.5, 48.7]
[system.silence]
kind = "silence"
title = "Silence"
"""


@pytest.fixture(autouse=True)
def no_weights_needed(monkeypatch):
    monkeypatch.setattr(running, "weights_needs", lambda *_: iter(()))


@pytest.fixture
def grouped(table, means, tmp_path):
    """A table of groups that was measured."""

    def measure(*changes):
        path = table("[groups]\n", kind="groups", systems=GROUPS)
        text = path.read_text().replace(
            'printed = ["fd_cnn14", "clap_htsat_unfused"]',
            'printed = ["ovl_all", "single", "two", "multi"]\ncontrols = false',
        )
        path.write_text(text.replace("draws = 10", "draws = 50"))
        recipe = read_table(path, ['scores=["clap_htsat_unfused"]', *changes])
        return recipe, run_table(recipe, tmp_path / "out", Equipment(), means)

    return measure


def test_each_group_has_the_mean_of_its_clips(grouped):
    recipe, measured = grouped()
    report = table_report(recipe, measured)
    result = measured.results["clips"]["real"]
    score = result.score("clap_htsat_unfused")
    by_name = dict(zip(result.names, score.values, strict=True))
    captions = {item.name: item.caption for item in measured.items["clips"]}
    found = report.data["groups"]["Ground truth"]
    for group in EventGroup:
        own = [
            by_name[name]
            for name, caption in captions.items()
            if event_group(count_events(caption)) is group
        ]
        assert found[group]["clips"] == len(own) > 0
        assert found[group]["value"] == pytest.approx(np.mean(own))
        # A handful of clips has no interval.
        assert found[group]["interval"] is None
    assert found["all"]["value"] == pytest.approx(score.value)
    assert found["all"]["interval"]["low"] < score.value < found["all"]["interval"]["high"]
    text = report.text(Form.TEXT)
    assert text.startswith("clap_htsat_unfused by the number of sounds of a caption")
    assert "51.5 (" in text
    assert report.data["listeners"]["Ground truth"] == {"ovl_all": 71.56}


def test_every_count_is_written_and_a_person_may_correct_it(grouped, tmp_path):
    corrections = tmp_path / "corrections.csv"
    corrections.write_text(f'caption,events\n"{CAPTIONS["roll"]}",1\n')
    recipe, measured = grouped(f"groups.corrections={corrections}")
    report = table_report(recipe, measured)
    rows = list(csv.DictReader(io.StringIO(report.files["groups.csv"].decode())))
    assert len(rows) == len(CAPTIONS)
    found = {row["caption"]: (row["events"], row["group"], row["corrected"]) for row in rows}
    assert found[CAPTIONS["roll"]] == ("1", "single", "1")
    assert found[CAPTIONS["printer"]] == ("3", "multi", "0")
    assert all(video("bell") in row["name"] for row in rows if row["caption"] == CAPTIONS["bell"])


def test_a_score_that_clips_do_not_have_is_refused(grouped):
    recipe, measured = grouped("groups.score=fd_cnn14")
    with pytest.raises(InputError, match="fd_cnn14 is no score of single clips"):
        group_scores(recipe, measured, [EventGroup.SINGLE] * 10)


SWEEP = """
[[axis]]
of = "steps"
title = "steps"
systems = ["few", "many", "gone"]
"""
SWEPT = "".join(
    f"""
[system.{name}]
kind = "model"
title = "{name} steps"
model = "embedded"
steps = {steps}
[system.{name}.paper]
clips = [{2.0 * steps}, 50.0]
"""
    for name, steps in (("few", 10), ("many", 40))
)


def score_of(value):
    told = Interval(
        low=value - 5,
        high=value + 5,
        level=0.95,
        method=Method.CENTRED,
        replicates=10,
        seed=0,
        replicate_mean=value,
        standard_error=2.5,
    )
    return ScoreResult(
        name="fd_cnn14", title="FD (Cnn14)", better="lower", value=value, interval=told
    )


def result_of(value):
    silent = condition(np.zeros((1, 16_000), np.float32), 16_000)
    side = SideResult(
        place="x",
        clips=1,
        list_sha256="",
        content_sha256="",
        condition=summary([silent]),
        filled={},
    )
    return Result(
        system="x",
        protocol=ProtocolResult(name="x", sha256=""),
        scores=(score_of(value),),
        extractors={},
        reference=side,
        generated=side,
        paired=True,
        names=("x",),
        versions={},
    )


def test_a_sweep_is_drawn_beside_the_paper(table):
    recipe = read_table(table(kind="sweep", systems=SWEPT + SWEEP))
    results = {"few": result_of(30.0), "many": result_of(90.0)}
    points = sweep_points(recipe, recipe.axis[0], "clips", results, "fd_cnn14")
    assert [(one.at, one.score.value, one.paper) for one in points] == [
        (10.0, 30.0, 20.0),
        (40.0, 90.0, 80.0),
    ]
    picture = np.array(sweep_chart(recipe, "clips", results))
    ours = (picture == (31, 87, 164)).all(axis=-1)
    paper = (picture == (196, 90, 30)).all(axis=-1)
    # The legend's dots lie above the plot, which begins below row 60.
    (up, across), (paper_up, paper_across) = np.nonzero(ours[60:]), np.nonzero(paper[60:])
    left, right = across < np.median(across), across > np.median(across)
    assert up[left].mean() > up[right].mean(), "thirty lies below ninety"
    assert paper_up.mean() > up.mean(), "the paper's numbers are lower"
    assert abs(paper_across.min() - across.min()) <= 2


def test_a_number_is_reproduced_when_the_interval_and_the_papers_spread_reach_it():
    told = score_of(30.0).interval
    for paper, reproduced in (
        (24.0, False),
        (24.7, True),
        (30.0, True),
        (35.3, True),
        (36.0, False),
    ):
        one = Printed(paper=paper, ours=30.0, interval=told, spread=0.4)
        assert one.reproduced is reproduced
    assert Printed(paper=23.08, ours=30.0, interval=told, spread=0.0).told() == (
        "23.08 (+6.92 [+1.92, +11.92])"
    )
    assert Printed(paper=1.0, ours=1.0, interval=None, spread=0.0).reproduced is None
