"""Two folders in, a result out: against the metrics by hand, and in the order it should have."""

import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile as sf
import torch
from small_extractor import Bands

from auffusion.errors import InputError
from auffusion.evaluate.divergence import kl_divergence
from auffusion.evaluate.embedding_cache import EmbeddingCache
from auffusion.evaluate.evaluating import Conditions, Means, evaluate
from auffusion.evaluate.extractor import identity
from auffusion.evaluate.frechet import frechet_distance
from auffusion.evaluate.protocol import read_protocol
from auffusion.evaluate.report import remarks, result_table
from auffusion.evaluate.result import read_result
from auffusion.evaluate.scoring import Certainty
from auffusion.evaluate.tables import Form

PAPER = read_protocol("auffusion-2024")
EVAL = read_protocol("audioldm-eval")
QUICK = Conditions(certainty=Certainty(replicates=20))


def features(folder, array):
    found = []
    for path in sorted(folder.iterdir()):
        samples, rate = sf.read(path, dtype="float32")
        assert rate == 16_000
        waveform = torch.from_numpy(np.pad(samples, (0, max(0, 8_000 - len(samples)))))[None]
        found.append(np.atleast_2d(Bands()(waveform)[array][0].numpy()))
    return np.concatenate(found)


@pytest.fixture(scope="module")
def means(tmp_path_factory):
    """With one cache for all tests of this file, in which each variant of `Bands` has a version."""
    return Means(cache=EmbeddingCache(tmp_path_factory.mktemp("cache")), load=Bands)


@pytest.fixture
def captions(recordings):
    return {path.stem: f"a {path.stem} in the rain" for path in recordings.iterdir()}


def test_scores_are_those_of_the_metrics_on_the_files_features(recordings, noisy, means):
    made = noisy(0.02)
    found = evaluate(made, recordings, EVAL, means, QUICK)
    sides = [features(folder, "embedding") for folder in (recordings, made)]
    assert found.score("fad_vggish").value == pytest.approx(frechet_distance(*sides), rel=1e-4)
    logits = [features(folder, "logits") for folder in (recordings, made)]
    by_hand = kl_divergence(*logits)
    assert found.score("kl_softmax_cnn14").value == pytest.approx(by_hand.mean(), rel=1e-4)
    np.testing.assert_allclose(found.score("kl_softmax_cnn14").values, by_hand, rtol=1e-3)
    assert found.names == tuple(sorted(path.stem for path in recordings.iterdir()))


def test_recordings_against_themselves_have_no_distance(recordings, means, captions):
    found = evaluate(recordings, recordings, PAPER, means, replace(QUICK, captions=captions))
    assert found.score("fd_cnn14").value == pytest.approx(0.0, abs=1e-8)
    assert abs(found.score("kl_cnn14").value) < 1e-4
    for name in ("is_cnn14", "clap_htsat_unfused"):
        one = found.score(name)
        assert one.value == one.controls["reference"]
    assert found.reference.content_sha256 == found.generated.content_sha256


def test_more_noise_is_worse_and_the_controls_stand_where_they_should(recordings, noisy, means):
    found = [evaluate(noisy(level), recordings, EVAL, means, QUICK) for level in (0.001, 0.02, 0.3)]
    for name in ("fd_cnn14", "fad_vggish", "kl_softmax_cnn14"):
        values = [one.score(name).value for one in found]
        assert values == sorted(values)
        controls = found[0].score(name).controls
        assert values[0] < min(controls["noise"], controls["silence"])
    assert found[0].score("fad_vggish").value < found[0].score("fad_vggish").controls["split-half"]
    by_score = {one.name: set(one.controls) for one in found[0].scores}
    assert by_score["fd_cnn14"] == {"split-half", "silence", "noise"}
    assert by_score["kl_softmax_cnn14"] == {"shuffled", "silence", "noise"}
    assert by_score["is_cnn14"] == {"reference", "silence", "noise"}
    kl = found[0].score("kl_softmax_cnn14")
    assert kl.value < kl.controls["shuffled"]
    # Controls do not depend on the system.
    assert found[0].score("fd_cnn14").controls == found[1].score("fd_cnn14").controls


def test_captions_belong_to_clips_by_name(recordings, means, captions):
    only = PAPER.only(["clap_htsat_unfused"])
    conditions = replace(QUICK, captions=dict(reversed(captions.items())))
    found = evaluate(recordings, recordings, only, means, conditions).score("clap_htsat_unfused")
    names = sorted(captions)
    texts = Bands().embed_texts([captions[name] for name in names]).numpy()
    parts = [Bands()(_waveform(recordings / f"{name}.wav"))["embedding"][0] for name in names]
    sounds = np.stack([part.mean(dim=0).numpy() for part in parts])
    cosines = (
        (texts * sounds).sum(1) / np.linalg.norm(texts, axis=1) / np.linalg.norm(sounds, axis=1)
    )
    assert found.value == pytest.approx(100 * cosines.mean(), rel=1e-4)
    assert set(found.controls) == {"reference", "shuffled", "silence", "noise"}
    with pytest.raises(InputError, match=r"compares sounds with captions.*--captions"):
        evaluate(recordings, recordings, only, means, QUICK)
    del captions["door"]
    with pytest.raises(InputError, match="1 generated clips have no caption, door first"):
        evaluate(recordings, recordings, only, means, replace(QUICK, captions=captions))


def _waveform(path):
    samples, _ = sf.read(path, dtype="float32")
    return torch.from_numpy(np.pad(samples, (0, max(0, 8_000 - len(samples)))))[None]


def test_a_network_that_cannot_read_gives_no_score_of_captions(recordings, means, captions):
    class Deaf(Bands):
        embed_texts = None

    only = PAPER.only(["clap_htsat_unfused"])
    with pytest.raises(InputError, match="the network 'clap' reads no captions"):
        evaluate(
            recordings,
            recordings,
            only,
            replace(means, load=Deaf),
            replace(QUICK, captions=captions),
        )


def test_unpaired_sides_have_scores_of_distributions_only(recordings, noisy, means):
    made = noisy(0.02)
    for path in made.iterdir():
        path.rename(made / f"other-{path.name}")
    apart = replace(QUICK, paired=False)
    with pytest.raises(InputError, match="compares pairs of clips"):
        evaluate(made, recordings, EVAL, means, apart)
    found = evaluate(made, recordings, EVAL.only(["fd_cnn14", "is_cnn14"]), means, apart)
    assert not found.paired
    assert found.score("fd_cnn14").interval.replicates == 20
    paired = evaluate(noisy(0.02), recordings, EVAL, means, QUICK)
    assert found.score("fd_cnn14").value == pytest.approx(paired.score("fd_cnn14").value, rel=1e-9)


def test_a_result_is_the_same_again_and_the_seed_moves_draws_only(recordings, noisy, means):
    made = noisy(0.02)
    first = evaluate(made, recordings, EVAL, means, QUICK)
    assert evaluate(made, recordings, EVAL, means, QUICK) == first
    other = replace(QUICK, certainty=Certainty(replicates=20, seed=1))
    moved = evaluate(made, recordings, EVAL, means, other)
    for one, again in zip(first.scores, moved.scores, strict=True):
        assert one.value == again.value
        assert one.replicates != again.replicates


def test_few_clips_get_a_note_and_fewer_no_interval(recordings, means, tmp_path):
    few = tmp_path / "few"
    few.mkdir()
    for path in sorted(recordings.iterdir())[:7]:
        (few / path.name).write_bytes(path.read_bytes())
    only = EVAL.only(["fd_cnn14", "kl_softmax_cnn14"])
    found = evaluate(few, few, only, means, QUICK)
    assert all(one.interval is None for one in found.scores)
    assert "no interval: 7 clips are too few for one" in found.score("fd_cnn14").notes
    twelve = evaluate(recordings, recordings, only, means, QUICK).score("kl_softmax_cnn14")
    assert twelve.notes == ("12 clips are few: the interval is narrower than it should be",)
    for path in sorted(few.iterdir())[1:]:
        path.unlink()
    with pytest.raises(InputError, match=r"FD \(Cnn14\) needs at least 2 clips and there are 1"):
        evaluate(few, few, only, means, QUICK)


def test_fewer_rows_than_features_are_told(recordings, means):
    class Wide(Bands):
        def __call__(self, waveform):
            found = super().__call__(waveform)
            return {name: torch.cat([x, x.cos(), x.sin()], dim=-1) for name, x in found.items()}

    only = EVAL.only(["fd_cnn14"])
    found = evaluate(recordings, recordings, only, replace(means, load=lambda n: Wide(n, 3)), QUICK)
    pieces = len(features(recordings, "embedding"))
    assert pieces > 24
    assert len(found.score("fd_cnn14").notes) == 1  # only that there are few clips

    class OneRow(Wide):
        def __call__(self, waveform):
            return {name: x.flatten(1)[:, :24] for name, x in super().__call__(waveform).items()}

    found = evaluate(
        recordings, recordings, only, replace(means, load=lambda n: OneRow(n, 4)), QUICK
    )
    assert any("12 rows for 24 features" in note for note in found.score("fd_cnn14").notes)


def test_a_result_says_what_it_depends_on_and_is_read_back_equal(
    recordings, noisy, means, captions, tmp_path
):
    made = noisy(0.02)
    conditions = replace(QUICK, captions=captions, system="noisy")
    found = evaluate(made, recordings, PAPER, means, conditions)
    assert found.extractors == {name: identity(Bands(name)) for name in PAPER.extractors}
    assert (found.protocol.name, found.protocol.sha256) == (PAPER.name, PAPER.sha256)
    assert {"python", "numpy", "torch", "auffusion"} <= set(found.versions)
    assert found.reference.list_sha256 == found.generated.list_sha256
    assert found.captions_sha256
    found.write(tmp_path / "a.json")
    read = read_result(tmp_path / "a.json")
    assert read.to_json() == found.to_json()
    assert read.scores == found.scores
    assert read.reference == found.reference
    assert "NaN" not in (tmp_path / "a.json").read_text()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda x: x.pop("format"), "no result of this version"),
        (lambda x: x.update(format=2), "no result of this version"),
        (lambda x: x.pop("names"), "lacks names"),
        (
            lambda x: x["scores"][0].update(value="low"),
            r"scores\[0\]\.value = 'low', expected a num",
        ),
        (lambda x: x["scores"][0]["interval"].update(method="guess"), "expected one of percentile"),
        (lambda x: x["scores"][0].update(better="none"), "expected one of lower, higher"),
        (lambda x: x.update(more=1), "has more, which is not known"),
    ],
)
def test_a_file_that_was_edited_is_refused(recordings, means, tmp_path, change, sentence):
    only = EVAL.only(["kl_softmax_cnn14"])
    evaluate(recordings, recordings, only, means, QUICK).write(tmp_path / "a.json")
    content = json.loads((tmp_path / "a.json").read_text())
    change(content)
    (tmp_path / "a.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=sentence):
        read_result(tmp_path / "a.json")


def test_what_is_no_result_at_all_is_refused(tmp_path):
    for content in (b"", b"{", b"[1]", b"\xff\xfe"):
        (tmp_path / "a.json").write_bytes(content)
        with pytest.raises(InputError, match=r"a\.json (is no JSON|holds no result)"):
            read_result(tmp_path / "a.json")
    with pytest.raises(InputError, match=r"cannot read .*No such file"):
        read_result(tmp_path / "b.json")


def test_the_table_for_people_holds_value_interval_and_controls(recordings, noisy, means):
    found = evaluate(noisy(0.02), recordings, EVAL, means, QUICK)
    table = result_table(found)
    assert table.columns[:4] == ("score", "value", "95% interval", "mean of draws")
    assert set(table.columns[4:]) == {"split-half", "shuffled", "reference", "silence", "noise"}
    lines = table.write(Form.TEXT).splitlines()
    assert lines[1].startswith("FD (Cnn14) ↓")
    assert "centred" in lines[1]
    assert "percentile" in lines[3]
    told = list(remarks(found))
    assert told[0].startswith("reference: 12 clips of 0.48 to 2.00 s (12 at 16000 Hz), 0 silent")
    assert "12 clips are few: the interval is narrower than it should be" in told
    bare = replace(QUICK, certainty=Certainty(replicates=0), controls=False)
    plain = result_table(evaluate(noisy(0.02), recordings, EVAL, means, bare))
    assert plain.columns == ("score", "value")


def test_clips_too_short_for_a_network_are_told(recordings, means, tmp_path):
    short = tmp_path / "short"
    short.mkdir()
    for number, path in enumerate(sorted(recordings.iterdir())):
        samples, rate = sf.read(path)
        sf.write(short / path.name, samples[: 4_000 if number < 5 else None], rate)
    found = evaluate(short, recordings, EVAL.only(["fad_vggish"]), means, QUICK)
    assert found.generated.filled == {"vggish": 5}
    assert found.reference.filled == {"vggish": 1}  # bell, of 0.48 s
    assert "generated: 5 clips are too short for vggish and were filled up" in remarks(found)


def test_no_such_number_of_draws_and_no_such_level():
    for draws, level in ((1, 0.95), (-1, 0.95), (10, 1.0), (10, 0.0)):
        with pytest.raises(InputError, match="make no interval"):
            Certainty(replicates=draws, level=level)
