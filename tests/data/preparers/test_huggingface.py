import json
import os
import subprocess
import sys
from contextlib import suppress

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auffusion.data.listing import Listed, Reason, clip_key
from auffusion.data.preparers.huggingface import HUGGINGFACE
from auffusion.errors import InputError

SOUND = pa.struct({"bytes": pa.binary(), "path": pa.string()})
# What `datasets` 5.2 writes into the schema of every Parquet and Arrow file.
FEATURES = {
    "audio": {"_type": "Audio"},
    "caption": {"dtype": "string", "_type": "Value"},
    "label": {"names": ["bird", "front_door"], "_type": "ClassLabel"},
}
README = """\
---
license: cc-by-4.0
configs:
- config_name: default
  data_files:
  - split: train
    path: data/train-*
  - split: test
    path: data/test-*
dataset_info:
  features:
  - name: audio
    dtype: audio
  - name: caption
    dtype: string
  - name: label
    dtype:
      class_label:
        names:
          '0': bird
          '1': front_door
---
# Some sounds
"""
NAMES = ("crow", "door", "bell")


def schema(features=FEATURES):
    metadata = {"huggingface": json.dumps({"info": {"features": features}})} if features else None
    fields = {"audio": SOUND, "caption": pa.string(), "label": pa.int64(), "snr": pa.float32()}
    # Nothing in the last two says something of a sound.
    fields |= {"embedding": pa.list_(pa.float32()), "nested": pa.struct({"x": pa.int64()})}
    return pa.schema(fields, metadata)


def rows(files, captions=None, labels=None):
    """Rows of a table, of sound files or of what stands in their place."""
    return [
        {
            "audio": {"bytes": one.read_bytes(), "path": one.name} if hasattr(one, "name") else one,
            "caption": captions[n] if captions else f"A {one.stem}",
            "label": labels[n] if labels else n % 2,
            "snr": 1.5,
            "embedding": [0.0] * 8,
            "nested": {"x": 1},
        }
        for n, one in enumerate(files)
    ]


def write_parquet(path, table_rows, table_schema=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(table_rows, table_schema or schema()), path, **options)
    return path


def write_arrow(path, table_rows, make=pa.ipc.new_stream):
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist(table_rows, schema())
    with make(path, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)


def imitate(folder, sound):
    """A data set as `push_to_hub` lays it out: two shards to train, one to test, and a card."""
    beside = folder.parent / "recordings"
    files = [
        sound(beside / f"{name}.wav", name, seconds=2, rate=44_100, channels=2) for name in NAMES
    ]
    files.append(sound(beside / "till.flac", "till", seconds=2, rate=32_000))
    write_parquet(folder / "data/train-00000-of-00002.parquet", rows(files[:2]), row_group_size=1)
    write_parquet(folder / "data/train-00001-of-00002.parquet", rows(files[2:3]))
    write_parquet(folder / "data/test-00000-of-00001.parquet", rows(files[3:], labels=[-1]))
    (folder / "README.md").write_text(README)


PLACES = (
    ("data/test-00000-of-00001", 1),
    ("data/train-00000-of-00002", 1),
    ("data/train-00000-of-00002", 2),
    ("data/train-00001-of-00002", 1),
)
EXPECTED = tuple(clip_key(*place) for place in PLACES)
"""The keys of the clips of the imitation, in order."""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "set").mkdir()
    return tmp_path / "set"


@pytest.fixture
def work(tmp_path):
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.fixture
def files(tmp_path, sound):
    """Three real sounds."""
    return [sound(tmp_path / f"recordings/{name}.wav", name) for name in NAMES]


def told(found):
    """(source, captions, split) of clips, (key, reason) of rejects."""
    return [
        (one.source, one.captions, one.split) if isinstance(one, Listed) else (one.key, one.reason)
        for one in found
    ]


def listing(folder, work):
    return list(HUGGINGFACE.read(folder, work))


def test_parquet_shards_are_listed_with_their_sounds_written_out(folder, work, sound):
    imitate(folder, sound)
    expected = zip(
        EXPECTED,
        PLACES,
        ["till.flac", "crow.wav", "door.wav", "bell.wav"],
        ["A till", "A crow", "A door", "A bell"],
        # The test set keeps its labels to itself.
        [(), ("bird",), ("front_door",), ("bird",)],
        strict=True,
    )
    found = listing(folder, work)
    assert found == [
        Listed(
            key=key,
            file=(work / key).with_suffix(name[name.index(".") :]),
            source=f"{shard}.parquet:{number}",
            captions=(caption,),
            split=shard[len("data/") :].split("-")[0],
            labels=labels,
            license="CC-BY-4.0",
            extra={"snr": 1.5, "path": name},
        )
        for key, (shard, number), name, caption, labels in expected
    ]
    for one in found:
        original = folder.parent / "recordings" / one.extra["path"]
        assert one.file.read_bytes() == original.read_bytes()


def test_a_second_run_finds_the_files_as_the_first_one_left_them(folder, work, sound):
    imitate(folder, sound)
    first = [(one.file, one.file.stat()) for one in listing(folder, work)]
    broken, untouched = first[0], first[1:]
    broken[0].write_bytes(b"half")
    listing(folder, work)
    assert broken[0].stat().st_size == broken[1].st_size
    assert broken[0].stat().st_mtime_ns == broken[1].st_mtime_ns
    for file, state in untouched:
        assert file.stat() == state


@pytest.mark.parametrize("make", [pa.ipc.new_stream, pa.ipc.new_file])
def test_folders_of_save_to_disk_are_read(folder, work, files, make):
    (folder / "dataset_dict.json").write_text('{"splits": ["train", "validation", "extra"]}')
    for split in ("train", "validation", "extra"):
        write_arrow(folder / split / "data-00000-of-00001.arrow", rows(files), make)
        state = {"_data_files": [{"filename": "data-00000-of-00001.arrow"}], "_split": None}
        (folder / split / "state.json").write_text(json.dumps(state))
        (folder / split / "dataset_info.json").write_text(json.dumps({"features": FEATURES}))
    found = listing(folder, work)
    assert told(found) == [
        (f"{folder}/data-00000-of-00001.arrow:{n}", (f"A {name}",), split)
        for folder, split in [("train", "train"), ("validation", "validation"), ("extra", "train")]
        for n, name in enumerate(NAMES, start=1)
    ]
    assert [one.labels for one in found[:3]] == [("bird",), ("front_door",), ("bird",)]
    assert [one.extra.get("split") for one in found] == [None] * 6 + ["extra"] * 3
    assert found[0].file.read_bytes() == files[0].read_bytes()


def test_one_saved_split_may_miss_files_or_name_others(folder, work, files):
    write_arrow(folder / "data-00000-of-00002.arrow", rows(files[:1]))
    names = ["data-00000-of-00002.arrow", "data-00001-of-00002.arrow", "../secret.arrow"]
    state = {"_data_files": [{"filename": name} for name in names], "_split": "test"}
    (folder / "state.json").write_text(json.dumps(state))
    assert told(listing(folder, work)) == [
        ("data-00000-of-00002.arrow:1", ("A crow",), "test"),
        ("data-00001-of-00002.arrow", Reason.MISSING),
        ("../secret.arrow", Reason.PATH),
    ]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_an_audio_folder_is_listed_by_its_metadata(folder, work, sound, kind):
    table = [{"file_name": "audio/1.wav", "text": "A crow"}, {"file_name": "no.wav", "text": "x"}]
    for split in ("test", "train"):
        sound(folder / split / "audio/1.wav")
        path = folder / split / f"metadata.{kind}"
        if kind == "parquet":
            pq.write_table(pa.Table.from_pylist(table), path)
        elif kind == "jsonl":
            path.write_text("\n".join(map(json.dumps, table)))
        else:
            path.write_text("file_name,text\naudio/1.wav,A crow\nno.wav,x\n")
    line = 3 if kind == "csv" else 2
    assert told(listing(folder, work)) == [
        ("test/audio/1.wav", ("A crow",), "test"),
        (f"test/metadata.{kind}:{line}", Reason.MISSING),
        ("train/audio/1.wav", ("A crow",), "train"),
        (f"train/metadata.{kind}:{line}", Reason.MISSING),
    ]
    assert list(work.iterdir()) == []


def test_without_metadata_the_folders_are_classes(folder, work, sound):
    for name in ("train/front_door/1.wav", "test/bird/2.wav", "train/3.wav"):
        sound(folder / name)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    found = listing(folder, work)
    assert told(found) == [
        ("test/bird/2.wav", ("bird",), "test"),
        ("train/3.wav", Reason.CAPTION),
        ("train/front_door/1.wav", ("front door",), "train"),
    ]
    assert (found[2].labels, found[2].license) == (("front_door",), "MIT")


def test_splits_come_from_the_card_else_from_folders_else_from_names(folder, work, files):
    for path in ("eval/0.parquet", "my_val_2.parquet", "data/balanced-00000-of-00001.parquet"):
        write_parquet(folder / path, rows(files[:1]))
    found = listing(folder, work)
    assert [(one.source, one.split, one.extra.get("split")) for one in found] == [
        ("data/balanced-00000-of-00001.parquet:1", "train", "balanced"),
        ("eval/0.parquet:1", "test", None),
        ("my_val_2.parquet:1", "validation", None),
    ]
    card = "configs:\n- config_name: a\n  data_dir: eval\n- config_name: b\n  default: true\n  "
    card += "data_files: {valid: '*.parquet', rest: [eval/*]}"
    (folder / "README.md").write_text(f"---\n{card}\n---\n")
    found = listing(folder, work)
    assert [(one.source, one.split, one.extra.get("split")) for one in found] == [
        ("eval/0.parquet:1", "test", None),
        ("my_val_2.parquet:1", "validation", None),
    ]


def test_the_cards_classes_serve_where_the_file_names_none(folder, work, files):
    write_parquet(folder / "train.parquet", rows(files, [None] * 3, [1, 0, 7]), schema(None))
    (folder / "README.md").write_text(README.replace("data/train-*", "train.parquet"))
    assert told(listing(folder, work)) == [
        ("train.parquet:1", ("front door",), "train"),
        ("train.parquet:2", ("bird",), "train"),
        ("train.parquet:3", Reason.CAPTION),
    ]


def test_bad_rows_are_one_reject_each(folder, work, files, sound):
    sound(folder / "wav/far.wav", "door")
    sounds = [
        files[0],
        {"bytes": None, "path": "wav/far.wav"},
        {"bytes": b"", "path": "../recordings/crow.wav"},
        {"bytes": None, "path": "wav/none.wav"},
        None,
        files[1],
        files[2],
    ]
    captions = ["A crow", "A door", "A crow", "A crow", "A crow", "  ", "x" * 10_001]
    write_parquet(folder / "train.parquet", rows(sounds, captions))
    assert told(listing(folder, work)) == [
        ("train.parquet:1", ("A crow",), "train"),
        ("wav/far.wav", ("A door",), "train"),
        ("train.parquet:3", Reason.PATH),
        ("train.parquet:4", Reason.MISSING),
        ("train.parquet:5", Reason.ROW),
        # A blank caption leaves the class.
        ("train.parquet:6", ("front door",), "train"),
        ("train.parquet:7", Reason.CAPTION),
    ]


def test_a_caption_that_is_no_utf_8_is_one_reject(folder, work, files):
    sounds = pa.array([{"bytes": one.read_bytes(), "path": None} for one in files], SOUND)
    texts = pa.array([b"A crow", b"caf\xe9", b"A bell"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"audio": sounds, "caption": texts}), folder / "train.parquet")
    assert told(listing(folder, work)) == [
        ("train.parquet:1", ("A crow",), "train"),
        ("train.parquet:2", Reason.ROW),
        ("train.parquet:3", ("A bell",), "train"),
    ]


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary()])
def test_sounds_may_be_bare_bytes(folder, work, files, kind):
    sounds = pa.array([one.read_bytes() for one in files], kind)
    table = pa.table({"flac": sounds, "text": [one.stem for one in files]})
    pq.write_table(table, folder / "train.parquet")
    found = listing(folder, work)
    assert [one.file.read_bytes() for one in found] == [one.read_bytes() for one in files]


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:-8] + b"\xff" * 8,
        lambda _: b"",
        lambda _: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
        lambda _: b"not a table",
    ],
)
def test_a_damaged_table_is_one_reject_and_the_next_is_read(folder, work, files, damage):
    first = write_parquet(folder / "data/train-00000-of-00002.parquet", rows(files))
    write_parquet(folder / "data/train-00001-of-00002.parquet", rows(files[:1]))
    first.write_bytes(damage(first.read_bytes()))
    found = listing(folder, work)
    assert told(found) == [
        ("data/train-00000-of-00002.parquet:1", Reason.DAMAGED),
        ("data/train-00001-of-00002.parquet:1", ("A crow",), "train"),
    ]
    found[0].detail.encode()


@given(
    st.sampled_from(["train.parquet", "data-00000-of-00001.arrow"]),
    st.lists(st.tuples(st.integers(0, 4_000), st.integers(0, 255)), min_size=1, max_size=8),
    st.booleans(),
)
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_change_of_bytes_ends_the_run(folder, work, name, changes, at_the_end):
    for old in folder.iterdir():
        old.unlink()
    table = rows([{"bytes": b"RIFF0000WAVE", "path": None}] * 3, ["A crow"] * 3)
    if name == "train.parquet":
        write_parquet(folder / name, table)
    else:
        write_arrow(folder / name, table)
        (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": name}]}))
    content = bytearray((folder / name).read_bytes())
    for place, value in changes:
        content[-1 - place % len(content) if at_the_end else place % len(content)] = value
    (folder / name).write_bytes(content)
    # Where the name of a column is hit, the table is refused; anything else is a fault of ours.
    with suppress(InputError):
        found = listing(folder, work)
        assert len(found) <= 4


def test_rows_before_the_damage_are_listed(folder, work, files):
    path = write_parquet(folder / "train.parquet", rows(files), row_group_size=1)
    whole = bytearray(path.read_bytes())
    column = pq.ParquetFile(path).metadata.row_group(2).column(0)
    start = column.dictionary_page_offset or column.data_page_offset
    whole[start : start + 32] = b"\xff" * 32
    path.write_bytes(whole)
    assert told(listing(folder, work)) == [
        ("train.parquet:1", ("A crow",), "train"),
        ("train.parquet:2", ("A door",), "train"),
        ("train.parquet:3", Reason.DAMAGED),
    ]


def test_a_snapshot_in_the_hubs_cache_may_link_to_its_blobs_and_no_further(tmp_path, work, files):
    store = tmp_path / "datasets--me--sounds"
    write_parquet(store / "blobs/0123", rows(files[:1]))
    write_parquet(tmp_path / "secret.parquet", rows(files[:1]))
    snapshot = store / "snapshots/abc"
    (snapshot / "data").mkdir(parents=True)
    (snapshot / "data/train-00000-of-00001.parquet").symlink_to("../../../blobs/0123")
    (snapshot / "data/secret.parquet").symlink_to(tmp_path / "secret.parquet")
    assert told(listing(snapshot, work)) == [
        ("data/secret.parquet", Reason.PATH),
        ("data/train-00000-of-00001.parquet:1", ("A crow",), "train"),
    ]


def test_one_row_group_is_in_memory_and_not_the_table(folder, work):
    sounds = [{"bytes": np.random.default_rng(n).bytes(1 << 20), "path": None} for n in range(64)]
    write_parquet(folder / "train.parquet", rows(sounds, ["A hiss"] * 64), row_group_size=4)
    del sounds
    before, most, count = pa.total_allocated_bytes(), 0, 0
    for one in HUGGINGFACE.read(folder, work):
        most, count = max(most, pa.total_allocated_bytes() - before), count + 1
        one.file.unlink()
    assert count == 64
    # Four sounds to a group: compressed, decoded, and on their way out.
    assert most < 20 << 20


@pytest.mark.parametrize(
    ("prepare", "match"),
    [
        (lambda _: None, "holds no sounds and no tables, expected metadata.csv"),
        (lambda folder: (folder / "train-0000.tar").touch(), "train-0000.tar is a WebDataset"),
        (
            lambda folder: pq.write_table(pa.table({"text": ["x"]}), folder / "train.parquet"),
            "has the columns text, expected one of file_name",
        ),
        (
            lambda folder: pq.write_table(
                pa.table({"audio": [b"x"], "words": ["x"]}), folder / "train.parquet"
            ),
            "has the columns words, audio and none of captions",
        ),
        (lambda folder: (folder / "state.json").write_text("{"), "cannot be read as JSON"),
        (
            lambda folder: (folder / "README.md").write_text("---\na: [\n---\n"),
            "the header of .*README.md is no YAML",
        ),
        (
            lambda folder: (folder / "README.md").write_text(
                "---\nconfigs: [{config_name: a}, {config_name: b}]\n---\n"
            ),
            r"describes several subsets \(a, b\)",
        ),
    ],
)
def test_a_folder_that_cannot_serve_is_refused(folder, work, prepare, match):
    prepare(folder)
    with pytest.raises(InputError, match=match):
        listing(folder, work)


@pytest.mark.parametrize("module", ["pyarrow", "yaml"])
def test_what_is_not_installed_is_told_with_the_command_that_installs_it(
    folder, work, files, monkeypatch, module
):
    write_parquet(folder / "data/train-00000-of-00001.parquet", rows(files))
    (folder / "README.md").write_text(README)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=r"pip install 'auffusion\[data\]'"):
        listing(folder, work)


def test_importing_the_preparer_imports_neither_pyarrow_nor_torch():
    code = "import sys, auffusion.data.preparers.huggingface as _; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"pyarrow", "torch", "yaml"} & set(done.stdout.split())


@pytest.mark.skipif(os.name != "posix", reason="needs /dev/full")
def test_a_full_disk_is_told(folder, work, files):
    write_parquet(folder / "data.parquet", rows(files))
    (work / f"{clip_key('data', 1)}.wav").symlink_to("/dev/full")
    with pytest.raises(InputError, match=r"cannot write .*data-1.wav: No space left"):
        listing(folder, work)
