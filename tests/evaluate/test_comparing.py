"""Systems beside each other: what may be compared, differences on shared draws, tables, charts."""

from dataclasses import replace

import numpy as np
import pytest
from small_extractor import Bands

from auffusion.errors import InputError
from auffusion.evaluate.charts import clip_chart, interval_chart, round_ticks
from auffusion.evaluate.comparing import compare, difference_table, score_table
from auffusion.evaluate.embedding_cache import EmbeddingCache
from auffusion.evaluate.evaluating import Conditions, Means, evaluate
from auffusion.evaluate.protocol import read_protocol
from auffusion.evaluate.scoring import Certainty
from auffusion.evaluate.tables import Cell, Form, Table, decimals, number

PROTOCOL = read_protocol("audioldm-eval")
CONDITIONS = Conditions(certainty=Certainty(replicates=40))


@pytest.fixture(scope="module")
def results(recordings, noisy, tmp_path_factory):
    means = Means(cache=EmbeddingCache(tmp_path_factory.mktemp("cache")), load=Bands)
    return [
        evaluate(noisy(level), recordings, PROTOCOL, means, replace(CONDITIONS, system=name))
        for name, level in (("A", 0.02), ("B", 0.021), ("C", 0.3))
    ]


def test_differences_are_taken_draw_by_draw(results):
    found = compare(results)
    assert [(one.system, one.score) for one in found.differences[:2]] == [
        ("B", "fd_cnn14"),
        ("B", "fad_vggish"),
    ]
    one = next(d for d in found.differences if (d.system, d.score) == ("C", "kl_softmax_cnn14"))
    ours, theirs = (results[k].score("kl_softmax_cnn14") for k in (0, 2))
    assert one.value == theirs.value - ours.value
    drawn = np.array(theirs.replicates) - np.array(ours.replicates)
    assert (one.interval.low, one.interval.high) == pytest.approx(
        np.quantile(drawn, [0.025, 0.975])
    )
    assert one.interval.standard_error < 0.8 * theirs.interval.standard_error
    # More noise is worse without a doubt; hardly more noise of the same kind is not.
    assert one.better is False
    back = compare([results[2], results[0]])
    assert {d.score: d.better for d in back.differences}["kl_softmax_cnn14"] is True


def test_without_draws_a_difference_has_no_interval(results):
    bare = [
        replace(
            one,
            scores=tuple(replace(s, interval=None, replicates=None) for s in one.scores),
        )
        for one in results
    ]
    found = compare(bare)
    assert all(one.interval is None and one.better is None for one in found.differences)
    assert "[" not in score_table(found).write(Form.TEXT)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda r: {"protocol": replace(r.protocol, sha256="0")}, "the protocol"),
        (lambda r: {"extractors": {**r.extractors, "vggish": {}}}, "the networks or their weights"),
        (lambda r: {"names": r.names[::-1]}, "the names of the clips"),
        (lambda _: {"paired": False}, "the names of the clips"),
        (lambda r: {"reference": replace(r.reference, content_sha256="0")}, "the recordings"),
        (lambda _: {"captions_sha256": "0"}, "the captions"),
        (lambda r: {"scores": r.scores[1:]}, "their scores, or the draws"),
        (
            lambda r: {
                "scores": tuple(replace(s, interval=replace(s.interval, seed=9)) for s in r.scores)
            },
            "their scores, or the draws",
        ),
    ],
)
def test_what_differs_in_more_than_the_sounds_is_not_compared(results, change, what):
    other = replace(results[1], **change(results[1]))
    with pytest.raises(InputError, match=f"A and B cannot be compared: they differ in {what}"):
        compare([results[0], other])


def test_one_result_and_two_of_one_name_are_refused(results):
    with pytest.raises(InputError, match="at least two results"):
        compare(results[:1])
    with pytest.raises(InputError, match=r"two results are of a system called 'A'.*--name"):
        compare([results[0], results[0]])


def test_tables_mark_the_best_and_end_with_the_controls(results):
    found = compare(results)
    table = score_table(found)
    assert table.columns[:2] == ("system", "FD (Cnn14) ↓")
    assert table.columns[-1] == "IS (Cnn14) ↑"
    for column, score in enumerate(found.scores, start=1):
        values = [one.score(score.name).value for one in results]
        best = values.index(min(values) if score.better == "lower" else max(values))
        assert [row[column].best for row in table.rows[:3]] == [k == best for k in range(3)]
    below = [row[0].text for row in table.rows[3:]]
    assert set(below) == {"(split-half)", "(silence)", "(noise)", "(shuffled, A)", "(reference)"}
    differences = difference_table(found)
    assert [row[0].text for row in differences.rows] == ["B - A", "C - A"]
    assert differences.rows[1][2].text.startswith("+")
    assert differences.rows[1][2].text.endswith(" worse")


def test_plain_data_of_a_comparison_hold_all_of_it(results):
    data = compare(results).to_data()
    assert [one["system"] for one in data["systems"]] == ["A", "B", "C"]
    assert data["systems"][0]["scores"]["fd_cnn14"]["value"] == results[0].scores[0].value
    assert len(data["differences"]) == 2 * len(results[0].scores)
    assert data["protocol"]["name"] == "audioldm-eval"


def test_a_table_in_three_forms():
    table = Table(
        columns=("system", "FD ↓"),
        rows=(
            (Cell(text="a_b|c"), Cell(text="1.0 [0.9, 1.1]", best=True)),
            (Cell(text="50 %"), Cell(text="12.5")),
        ),
    )
    assert table.write(Form.TEXT) == (
        "system            FD ↓\na_b|c   1.0 [0.9, 1.1]\n50 %              12.5\n"
    )
    assert table.write(Form.MARKDOWN) == (
        "| system | FD ↓ |\n| --- | ---: |\n| a_b\\|c | **1.0 [0.9, 1.1]** |\n| 50 % | 12.5 |\n"
    )
    assert table.write(Form.LATEX).splitlines()[2:6] == [
        r"system & FD $\downarrow$ \\",
        r"\midrule",
        r"a\_b|c & \textbf{1.0 [0.9, 1.1]} \\",
        r"50 \% & 12.5 \\",
    ]


def test_numbers_are_rounded_to_what_their_spread_allows():
    assert [decimals(x) for x in (123.0, 9.9, 0.42, 0.001, 1e-9, 0.0, float("inf"))] == [
        0,
        1,
        2,
        4,
        4,
        4,
        4,
    ]
    # The paper truncated: 57.3667 to 57.36, 67.7667 to 67.76.
    assert (number(57.3667, 0.3), number(67.7667, 0.3)) == ("57.37", "67.77")
    assert (number(-0.0001, 0.5), number(0.0), number(1234567.0, 3e4)) == ("0.00", "0", "1234567")


def pixels(image, colour):
    return np.argwhere((np.asarray(image) == colour).all(axis=-1))


def test_intervals_are_drawn_where_they_lie(results):
    found = compare(results)
    image = interval_chart(found)
    assert image.size[1] == 2 * (5 * (30 + 3 * 26 + 30) + 12)
    blue = pixels(image, (31, 87, 164))
    # In each panel the least value's dot lies left of the greatest value's.
    for panel in range(5):
        rows = [
            blue[np.abs(blue[:, 0] - 2 * (panel * 138 + 30 + 26 * (k + 0.5))) <= 8]
            for k in range(3)
        ]
        middles = [(row[:, 1].min() + row[:, 1].max()) / 2 for row in rows]
        told = [one.scores[panel].interval for one in results]
        wanted = [(i.low + i.high) / 2 for i in told]
        assert np.argsort(middles).tolist() == np.argsort(wanted).tolist()


def test_clips_are_drawn_for_scores_that_have_them(results):
    image = clip_chart(compare(results))
    assert image.size[1] == 2 * (2 * (30 + 3 * 26 + 30) + 12)
    assert len(pixels(image, (150, 183, 226))) > 3 * 12
    bare = [
        replace(one, scores=tuple(replace(s, values=None) for s in one.scores)) for one in results
    ]
    with pytest.raises(InputError, match="no score of this protocol is one of single clips"):
        clip_chart(compare(bare))


def test_scores_that_are_all_equal_have_an_axis_too(results):
    same = [
        replace(
            one,
            system=f"a system with a very long name, number {k}",
            scores=tuple(replace(s, value=0.0, interval=None, replicates=None) for s in one.scores),
        )
        for k, one in enumerate(results)
    ]
    assert interval_chart(compare(same)).size[0] < 2 * 900


def test_ticks_are_round_and_few():
    for low, high in ((0.0, 1.0), (-3e-4, 2e-4), (17.3, 17.9), (0.0, 12345.0), (-50.0, 210.0)):
        ticks = round_ticks(low, high)
        assert 2 <= len(ticks) <= 8
        assert low - 1e-9 <= min(ticks)
        assert max(ticks) <= high + 1e-9
