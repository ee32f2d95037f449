"""Every data set from its published layout to a manifest, by the whole preparation."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from imitations import NAMES, imitate, prepared_rows

from auffusion.data.catalogue import DATA_SETS
from auffusion.data.prepared import PreparedData

GOLDEN = Path(__file__).parents[2] / "golden/manifests"


@pytest.fixture(scope="module", params=NAMES)
def prepared(request, tmp_path_factory):
    """(name, folder, clips, rejects) of a data set's imitation."""
    folder = tmp_path_factory.mktemp(request.param)
    imitate(request.param, folder / "source")
    return request.param, folder / "prepared", *prepared_rows(request.param, folder)


def test_every_data_set_has_an_imitation_but_our_own_sounds():
    assert set(DATA_SETS) - set(NAMES) == {"audiocaps-v2", "embedded-sounds"}


def test_the_manifest_is_the_expected_one(prepared):
    name, _, clips, rejects = prepared
    golden = (GOLDEN / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    assert [*clips, *rejects] == [json.loads(line) for line in golden]


def test_every_clip_is_mono_at_16_khz_within_the_papers_rules(prepared):
    _, folder, _, _ = prepared
    data = PreparedData(folder)
    assert len(data)
    for number, clip in enumerate(data.clips()):
        samples = data.samples(number)
        assert samples.dtype == np.int16
        assert len(samples) == round(clip.seconds * 16_000)
        assert 1.0 <= clip.seconds <= 30.0
        assert np.abs(samples.astype(int)).max() > 32
        assert clip.sha256 == hashlib.sha256(samples.tobytes()).hexdigest()


def test_nothing_is_left_but_shards_records_manifest_and_what_was_left_out(prepared):
    _, folder, _, _ = prepared
    assert {path.name for path in folder.iterdir()} == {
        ".auffusion.lock",
        "dataset.json",
        "index.npy",
        "manifest.jsonl",
        "parts",
        "prepared.json",
        "rejects.jsonl",
        "shards",
    }
