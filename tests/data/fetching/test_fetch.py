"""Bad input to `auffusion data fetch`: one sentence, status 2, and nothing made."""

import pytest

from auffusion.data.catalogue import DATA_SETS
from auffusion.data.fetching import FETCHERS, find_fetcher
from auffusion.errors import InputError


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nonsense"], "there is no data set 'nonsense': choose of audiocaps"),
        (["gtzan"], "get it from http://marsyas.info/downloads/datasets.html yourself"),
        (["folder"], "nothing here fetches folder: get it yourself"),
        (["esc50", "--limit", "3"], "esc50 comes in archives, not clip by clip: leave out --limit"),
        (["clotho", "--workers", "3"], "leave out --workers"),
        (["macs", "--retry"], "leave out --retry"),
        (["wavcaps-bbc", "--options", "x"], "leave out --options"),
        (["audiocaps", "--limit", "0"], "--limit 0 fetches nothing: choose 1 or more"),
        (["audiocaps", "--workers", "-1"], "--workers -1 fetches nothing: choose 1 or more"),
        (["audiocaps"], "is no folder: make it, with train.csv, val.csv and test.csv"),
    ],
)
def test_bad_input_is_one_sentence(words, sentence, auffusion, tmp_path):
    status, out, err = auffusion("data", "fetch", *words, "--to", tmp_path / "set")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert sentence in err
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize("name", ["audiocaps", "vggsound"])
@pytest.mark.usefixtures("videos")
def test_a_folder_without_the_lists_is_told(name, auffusion, tmp_path):
    status, _, err = auffusion("data", "fetch", name, "--to", tmp_path)
    assert (status, err.count("\n")) == (2, 1)
    assert "holds no" in err
    assert ".csv" in err


@pytest.mark.usefixtures("videos")
def test_options_that_are_no_file_are_told(auffusion, tmp_path):
    words = ("data", "fetch", "audiocaps", "--to", tmp_path, "--options", tmp_path / "none.conf")
    status, _, err = auffusion(*words)
    assert (status, "none.conf is no configuration file of yt-dlp" in err) == (2, True)


@pytest.mark.parametrize("name", ["esc50", "wavcaps-bbc"])
def test_a_file_in_the_place_of_the_folder_is_told(name, auffusion, tmp_path, monkeypatch):
    from standins import FILES

    for file, text in FILES.items():
        (tmp_path / "packages" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "packages" / file).write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path / "packages"))
    (tmp_path / "set").touch()
    status, _, err = auffusion("data", "fetch", name, "--to", tmp_path / "set")
    assert (status, err.count("\n")) == (2, 1)
    assert "cannot make the folder" in err


@pytest.mark.parametrize("name", DATA_SETS)
def test_every_data_set_has_a_fetcher_or_a_sentence_with_its_layout(name):
    if name in FETCHERS:
        assert find_fetcher(name) is FETCHERS[name]
    else:
        with pytest.raises(InputError) as told:
            find_fetcher(name)
        assert DATA_SETS[name].layout in str(told.value)
        assert DATA_SETS[name].homepage in str(told.value)
