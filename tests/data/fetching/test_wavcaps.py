"""WavCaps from a hub on this machine, by the real huggingface_hub, unpacked and prepared."""

import shutil
import subprocess
import zipfile

import pytest
from small_hub import files_of, serving

UNZIPPED = "mnt/fast/nobackup/scratch4weeks/xm00178/WavCaps/data/waveforms"

needs_zip = pytest.mark.skipif(
    shutil.which("zip") is None, reason="only Info-ZIP makes a split archive"
)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub with the lists of all four sources, SoundBible's zip and FreeSound's in parts."""
    from imitations import imitate

    folder = tmp_path / "imitation"
    imitate("wavcaps-freesound", folder)
    publish(folder)
    files = {
        name: content
        for name, content in files_of(folder).items()
        if name.startswith(("json_files/", "Zip_files/"))
    }
    with serving("datasets", "cvssp/WavCaps", files, monkeypatch) as hub:
        yield hub


def publish(folder):
    """Put the sounds back into zips, as they are published."""
    shutil.rmtree(folder / "Zip_files", ignore_errors=True)
    for source in ("SoundBible", "FreeSound"):
        (folder / "Zip_files" / source).mkdir(parents=True)
    with zipfile.ZipFile(folder / "Zip_files/SoundBible/SoundBible.zip", "w") as file:
        for path in (folder / "Audio/SoundBible").iterdir():
            file.write(path, f"{UNZIPPED}/SoundBible_flac/{path.name}")
    if shutil.which("zip"):
        words = ["zip", "-q", "-r", "-0", "-s", "64k", "Zip_files/FreeSound/FreeSound.zip"]
        subprocess.run([*words, f"{UNZIPPED}/FreeSound_flac"], cwd=folder, check=True)


def sources(clips):
    return {clip["source"] for clip in clips.values()}


def test_one_source_is_fetched_unpacked_and_prepared(hub, auffusion, prepare, tmp_path):
    words = ("data", "fetch", "wavcaps-soundbible", "--to", tmp_path / "set", "--workers", 2)
    status, out, err = auffusion(*words)
    assert status == 0, err
    assert f"--source {tmp_path / 'set'} --output" in out
    assert all("SoundBible" in name or "blacklist" in name for name in hub.fetched)
    place = f"sounds/SoundBible/{UNZIPPED}/SoundBible_flac"
    assert sources(prepare("wavcaps-soundbible", tmp_path / "set")) == {f"{place}/2219.flac"}
    hub.fetched.clear()
    assert auffusion(*words)[0] == 0
    assert hub.fetched == []


@needs_zip
def test_a_split_source_is_joined_and_prepared(hub, auffusion, prepare, tmp_path):
    status, _, err = auffusion("data", "fetch", "wavcaps-freesound", "--to", tmp_path / "set")
    assert status == 0, err
    assert any(name.endswith("FreeSound.z01") for name in hub.fetched)
    found = sources(prepare("wavcaps-freesound", tmp_path / "set"))
    place = f"sounds/FreeSound/{UNZIPPED}/FreeSound_flac"
    assert found
    assert found <= {f"{place}/{number}.flac" for number in ("180913", "117790", "185374")}


@pytest.mark.usefixtures("hub")
def test_a_source_without_zips_is_told(auffusion, tmp_path):
    status, _, err = auffusion("data", "fetch", "wavcaps-bbc", "--to", tmp_path / "set")
    assert status == 2
    assert "BBC_Sound_Effects holds no zip: the data set on the hub has changed" in err


def test_without_a_connection_one_sentence_says_so(auffusion, tmp_path):
    # The tests run with HF_HUB_OFFLINE=1.
    status, out, err = auffusion("data", "fetch", "wavcaps-bbc", "--to", tmp_path / "set")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "cvssp/WavCaps could not be fetched from the hub (OfflineModeIsEnabled)" in err
