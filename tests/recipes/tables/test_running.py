"""A small table from its captions to its report: made once, and only what changed made again."""

import json
import re

import pytest
from PIL import Image

from auffusion.errors import InputError
from auffusion.evaluate.tables import Form
from auffusion.recipes.tables import measuring
from auffusion.recipes.tables.needs import Equipment
from auffusion.recipes.tables.recipe import read_table
from auffusion.recipes.tables.report import table_report
from auffusion.recipes.tables.running import Watch, gpu_hours, left_out, run_table, table_needs

QUICK = ("controls=false",)


@pytest.fixture(autouse=True)
def no_weights_needed(monkeypatch):
    """Networks are small ones that need no weights."""
    from auffusion.recipes.tables import running

    monkeypatch.setattr(running, "weights_needs", lambda *_: iter(()))


@pytest.fixture
def run(means, tmp_path):
    """Run a table: what was measured, and the files that were made."""

    def go(path, *changes):
        made = []
        watch = Watch(on_sound=lambda file, new: made.append(file) if new else None)
        recipe = read_table(path, changes)
        return recipe, run_table(recipe, tmp_path / "out", Equipment(), means, watch), made

    return go


@pytest.fixture
def evaluations(monkeypatch):
    """How often something was measured."""
    calls = []
    real = measuring.evaluate

    def counted(*arguments):
        calls.append(arguments[0].name)
        return real(*arguments)

    monkeypatch.setattr(measuring, "evaluate", counted)
    return calls


def test_a_table_is_made_and_reported(table, run, tmp_path):
    recipe, measured, made = run(table())
    assert len(made) == 4 * 10
    assert left_out(recipe) == {"Nobody's": "no model is named (train it)"}
    results = measured.results["clips"]
    assert list(results) == ["tiny", "shuffled", "silence", "real"]
    assert results["real"].score("fd_cnn14").value == pytest.approx(0.0, abs=1e-6)
    assert results["real"].score("kl_cnn14").value == pytest.approx(0.0, abs=1e-4)
    assert results["tiny"].score("fd_cnn14").value == results["shuffled"].score("fd_cnn14").value
    report = table_report(recipe, measured)
    text = report.text(Form.TEXT)
    head, columns, *lines = text.splitlines()
    assert head == "Clips, 10 clips, protocol auffusion-2024"
    assert columns.split()[:3] == ["system", "FD", "(Cnn14)"]
    assert [line.split("  ")[0] for line in lines[:5] if not line.startswith(" ")] == [
        "Tiny",
        "Shuffled",
        "Silence",
        "Recordings",
    ]
    assert lines[1].startswith("  paper (ours - paper)")
    assert "1000000.00 (-9999" in lines[1]
    assert "left out: Nobody's, no model is named (train it)" in text
    assert "Silence: generated: 10 clips of 0.50 s (10 at 16000 Hz), 10 silent" in text
    assert re.search(r"^Silence - Tiny ", text, re.MULTILINE)
    written = {path.name for path in report.write(tmp_path / "report")}
    assert written == {
        "table.md",
        "table.tex",
        "table.json",
        "clips-intervals.png",
        "clips-clips.png",
    }
    content = json.loads((tmp_path / "report/table.json").read_text())
    assert content["settings"]["sampling"]["scheduler"] == "ddim"
    printed = content["lists"]["clips"]["printed"]["Tiny"]["fd_cnn14"]
    value = results["tiny"].score("fd_cnn14").value
    assert printed["difference"] == pytest.approx(value - 1_000_000.0)
    assert printed["reproduced"] is False
    assert (tmp_path / "report/table.tex").read_text().count(r"\begin{tabular}") == 2
    assert "| Recordings | **0" in (tmp_path / "report/table.md").read_text()
    with Image.open(tmp_path / "report/clips-intervals.png") as picture:
        assert picture.size[0] > 1000


def test_a_second_run_makes_and_measures_nothing(table, run, evaluations, tmp_path):
    _, first, _ = run(table(), *QUICK)
    assert sorted(evaluations) == ["real.txt", "shuffled.txt", "silence.txt", "tiny.txt"]
    evaluations.clear()
    # Files of other runs do not count.
    (tmp_path / "out/sounds/clips/tiny/stranger.wav").write_bytes(b"RIFF")
    _, second, made = run(table(), *QUICK)
    # Silence is written again, which changes nothing.
    assert {path.parent.name for path in made} == {"silence"}
    assert evaluations == []
    assert second.results == first.results


def test_only_what_changed_is_made_and_measured_again(table, run, evaluations, tmp_path):
    few = (*QUICK, 'systems=["real", "tiny"]')
    _, first, _ = run(table(), *few)
    evaluations.clear()
    spoilt = next((tmp_path / "out/sounds/clips/real").glob("*.wav"))
    spoilt.unlink()
    _, again, made = run(table(), *few)
    assert (made, evaluations) == ([spoilt], [])
    assert again.results == first.results
    _, other, made = run(table(), *few, "system.tiny.steps=2")
    assert evaluations == ["tiny.txt"]
    assert {path.parent.name for path in made} == {"tiny"}
    assert other.results["clips"]["tiny"] != first.results["clips"]["tiny"]
    evaluations.clear()
    _, drawn, _ = run(table(), *QUICK, 'systems=["real"]', "draws=12")
    assert evaluations == ["real.txt"]
    assert drawn.results["clips"]["real"].score("fd_cnn14").interval.replicates == 12


def test_a_killed_run_goes_on_to_the_same_table(table, run, means, tmp_path):
    few = (*QUICK, 'systems=["real", "tiny"]')
    count = iter(range(100))

    class KilledError(Exception):
        pass

    def die(_file, _new):
        if next(count) == 13:
            raise KilledError

    recipe = read_table(table(), few)
    with pytest.raises(KilledError):
        run_table(recipe, tmp_path / "out", Equipment(), means, Watch(on_sound=die))
    _, goes_on, made = run(table(), *few)
    assert len(made) == 6
    sounds = {path.name: path.read_bytes() for path in (tmp_path / "out").rglob("tiny/*.wav")}
    whole = run_table(recipe, tmp_path / "whole", Equipment(), means)
    assert {path.name: path.read_bytes() for path in (tmp_path / "whole").rglob("tiny/*.wav")} == (
        sounds
    )
    assert _scores(goes_on) == _scores(whole)


def _scores(measured):
    return {name: one.scores for name, one in measured.results["clips"].items()}


def test_nothing_begins_while_something_is_missing(table, run, tmp_path):
    path = table()
    for change in ("list.clips.data=nowhere", "system.tiny.model=nowhere"):
        recipe = read_table(path, [change])
        assert [need.missing for need in table_needs(recipe, Equipment())].count(True) == 1
        with pytest.raises(InputError, match="1 things are missing, nowhere first"):
            run(path, change)
    assert not (tmp_path / "out").exists()


def test_the_time_is_estimated_before_it_is_spent(table):
    recipe = read_table(table(), ["list.clips.clips=10", "sampling.steps=100"])
    assert gpu_hours(recipe) == 0.0
    costs = ["cost.device=a GPU", "cost.seconds_a_step=3.6"]
    recipe = read_table(table(), ["list.clips.clips=10", "sampling.steps=100", *costs])
    assert gpu_hours(recipe) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["systems=['nobody']"], "there is no system 'nobody': choose of tiny, other"),
        (["lists=['nothing']"], "there is no list 'nothing'"),
        (["system.tiny.kind=magic"], "system.tiny has the kind 'magic': expected one of model"),
        (["list.clips.kind=magic"], "list.clips has the kind 'magic': expected one of clips"),
        (["system.tiny.wings=2"], "system.tiny has wings, which is not known"),
        (["system.tiny.paper.clips=[1.0]"], "has 1 numbers and `printed` names 2"),
        (["against=nobody"], "compares with 'nobody', which is no chosen system"),
        (["scores=['fid']"], "the protocol auffusion-2024 has no score 'fid'"),
        (["protocol=mine"], "there is no protocol 'mine'"),
        (["kind=table"], "has kind = 'table', expected one of scores, groups, sweep"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(table, changes, said):
    with pytest.raises(InputError, match=re.escape(said)):
        read_table(table(), changes)
