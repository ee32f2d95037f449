"""Archives by packages that stand in for the real ones, unpacked and prepared for real."""

import shutil
import subprocess
import sys
import zipfile

import pytest

needs_zip = pytest.mark.skipif(
    shutil.which("zip") is None, reason="only Info-ZIP makes a split archive"
)


@pytest.fixture
def helpers(tmp_path, monkeypatch):
    """The packages, importable; what they fetch is put into the folder given back."""
    from standins import FILES

    for name, text in FILES.items():
        (tmp_path / "packages" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "packages" / name).write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path / "packages"))
    yield tmp_path / "packages/published"
    for name in list(sys.modules):
        if name.partition(".")[0] in {"soundata", "aac_datasets"}:
            del sys.modules[name]


@pytest.fixture
def imitate(tmp_path):
    """Builds the imitation of a data set, as the preparers' tests have it."""
    from imitations import imitate

    def build(name):
        imitate(name, tmp_path / "imitation")
        return tmp_path / "imitation"

    return build


def zip_folder(folder, archive, below="."):
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(folder.rglob("*")):
            file.write(path, f"{below}/{path.relative_to(folder)}")


def split_zip(folder, archive):
    """A folder in an archive of several parts, as FSD50K and WavCaps publish theirs."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    # Info-ZIP 3.0 spoils a file that lies in more than two parts when it joins them, which happens
    # in no published archive: their parts have gigabytes.
    words = ["zip", "-q", "-r", "-0", "-s", "2m", str(archive.absolute()), folder.name]
    subprocess.run(words, cwd=folder.parent, check=True)
    assert archive.with_suffix(".z01").is_file()


@pytest.mark.parametrize(
    ("name", "archive", "inner"),
    [
        ("esc50", "ESC-50-master.zip", "ESC-50-master"),
        ("urbansound8k", "UrbanSound8K.zip", "UrbanSound8K"),
    ],
)
def test_what_soundata_unpacks_is_prepared(
    helpers, imitate, auffusion, prepare, tmp_path, name, archive, inner
):
    from imitations import prepared_rows

    imitation = imitate(name)
    zip_folder(imitation, helpers / archive, below=inner)
    for _ in range(2):  # the second time everything is there
        status, out, err = auffusion("data", "fetch", name, "--to", tmp_path / "set")
        assert (status, err) == (0, "")
    assert f"--source {tmp_path / 'set'} --output" in out
    assert not (tmp_path / "set/index.json").exists()
    shutil.rmtree(tmp_path / "imitation")
    imitate(name).rename(tmp_path / "source")
    expected, _ = prepared_rows(name, tmp_path)
    shutil.rmtree(tmp_path / "prepared")
    assert list(prepare(name, tmp_path / "set")) == [row["id"] for row in expected]


@needs_zip
def test_the_split_archives_of_fsd50k_are_joined_here(
    helpers, imitate, auffusion, prepare, tmp_path
):
    imitation = imitate("fsd50k")
    split_zip(imitation / "FSD50K.dev_audio", helpers / "FSD50K.dev_audio.zip")
    for name in ("FSD50K.eval_audio", "FSD50K.ground_truth", "FSD50K.metadata"):
        zip_folder(imitation / name, helpers / f"{name}.zip", below=name)
    # The stand-in names one part beside the last.
    for more in sorted(helpers.glob("FSD50K.dev_audio.z[0-9][0-9]"))[1:]:
        (tmp_path / "set").mkdir(exist_ok=True)
        shutil.copy(more, tmp_path / "set")
    status, _, err = auffusion("data", "fetch", "fsd50k", "--to", tmp_path / "set")
    assert (status, err) == (0, "")
    (tmp_path / "set/FSD50K.dev_audio.zip").unlink()  # not needed any more, but asked for again
    assert auffusion("data", "fetch", "fsd50k", "--to", tmp_path / "set")[0] == 0
    sources = {row["source"] for row in prepare("fsd50k", tmp_path / "set").values()}
    assert sources == {
        "FSD50K.dev_audio/64760.wav",
        "FSD50K.dev_audio/16399.wav",
        "FSD50K.eval_audio/175151.wav",
    }


def test_an_archive_that_soundata_cannot_have_ends_in_a_sentence(
    helpers, imitate, auffusion, tmp_path
):
    words = ("data", "fetch", "esc50", "--to", tmp_path / "set")
    status, _, err = auffusion(*words)
    assert (status, err.count("\n")) == (2, 1)
    assert "soundata could not fetch esc50 (<urlopen error [Errno -2] Name or service not" in err
    zip_folder(imitate("esc50"), helpers / "ESC-50-master.zip", below="ESC-50-master")
    (tmp_path / "set/ESC-50-master.zip").write_bytes(b"half")  # a run that was killed
    status, _, err = auffusion(*words)
    assert status == 2
    assert "ESC-50-master.zip has an MD5 checksum" in err
    assert "delete the archive that it complains of" in err
    (tmp_path / "set/ESC-50-master.zip").unlink()
    assert auffusion(*words)[0] == 0


def test_clotho_by_aac_datasets_is_prepared(helpers, imitate, auffusion, prepare, tmp_path):
    imitate("clotho").rename(helpers)
    status, out, err = auffusion("data", "fetch", "clotho", "--to", tmp_path / "set")
    assert (status, err) == (0, "")
    source = tmp_path / "set/CLOTHO_v2.1"
    assert f"--source {source} --output" in out
    splits = {row["split"] for row in prepare("clotho", source).values()}
    assert splits == {"train", "validation", "test"}


def test_macs_by_aac_datasets_is_prepared(helpers, imitate, auffusion, prepare, tmp_path):
    imitate("macs").rename(helpers)
    status, out, err = auffusion("data", "fetch", "macs", "--to", tmp_path / "set")
    assert (status, err) == (0, "")
    source = tmp_path / "set/MACS"
    assert f"--source {source} --output" in out
    assert {row["source"] for row in prepare("macs", source).values()} == {
        "audio/airport-barcelona-0-0-a.wav",
        "audio/public_square-lyon-1035-40109-a.wav",
    }


def test_what_aac_datasets_cannot_have_ends_in_a_sentence(helpers, imitate, auffusion, tmp_path):
    imitate("clotho").rename(helpers)
    (helpers / "clotho_metadata_evaluation.csv").unlink()
    status, _, err = auffusion("data", "fetch", "clotho", "--to", tmp_path / "set")
    assert (status, err.count("\n")) == (2, 1)
    assert "could not fetch clotho (Invalid checksum for file 'clotho_metadata_evaluation" in err


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("esc50", "soundata"),
        ("urbansound8k", "soundata"),
        ("fsd50k", "soundata"),
        ("clotho", "aac-datasets"),
        ("macs", "aac-datasets"),
    ],
)
def test_a_package_that_is_not_installed_is_named(name, package, auffusion, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, package.replace("-", "_"), None)
    status, out, err = auffusion("data", "fetch", name, "--to", tmp_path / "set")
    assert (status, out) == (2, "")
    assert err == (
        f"auffusion: fetching this data set needs {package}, which is not installed: pip install "
        f"{package}\n"
    )
    assert not (tmp_path / "set").exists()
