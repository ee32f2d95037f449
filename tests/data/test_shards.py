import io
import tarfile

import pytest

from auffusion.data.shards import read_member, write_shard
from auffusion.errors import InputError

ENTRIES = [("a-1.flac", b"x" * 700), ("a-1.json", b"{}"), ("b.flac", b""), ("b.json", b"1" * 512)]


def test_any_tar_reads_a_shard(tmp_path):
    shard = write_shard(tmp_path / "a.tar", ENTRIES)
    with tarfile.open(tmp_path / "a.tar") as tar:
        assert [(m.name, tar.extractfile(m).read()) for m in tar] == ENTRIES
        assert {(m.mtime, m.uid, m.gid, m.uname) for m in tar.getmembers()} == {(0, 0, 0, "")}
    assert (tmp_path / "a.tar").stat().st_size == shard.size


def test_members_are_found_by_offset_where_tarfile_finds_them(tmp_path):
    shard = write_shard(tmp_path / "a.tar", ENTRIES)
    with tarfile.open(tmp_path / "a.tar") as tar:
        assert [m.offset for m in shard.members] == [m.offset_data for m in tar]
    for member, (_, content) in zip(shard.members, ENTRIES, strict=True):
        assert read_member(tmp_path / "a.tar", member.offset, member.size) == content


def test_the_hash_is_that_of_the_file_and_the_same_every_time(tmp_path):
    import hashlib

    shards = [write_shard(tmp_path / name, iter(ENTRIES)) for name in ("a.tar", "b.tar")]
    digest = hashlib.sha256((tmp_path / "a.tar").read_bytes()).hexdigest()
    assert [shard.sha256 for shard in shards] == [digest, digest]


def test_webdataset_groups_the_two_files_of_a_clip_by_the_name_before_the_dot(tmp_path):
    """Its rule (webdataset.tariterators.base_plus_ext): all up to the first dot is the key."""
    write_shard(tmp_path / "a.tar", ENTRIES)
    with tarfile.open(tmp_path / "a.tar") as tar:
        groups = {}
        for name in tar.getnames():
            key, _, kind = name.partition(".")
            groups.setdefault(key, []).append(kind)
    assert groups == {"a-1": ["flac", "json"], "b": ["flac", "json"]}


def test_a_shard_is_whole_or_not_there(tmp_path):
    def entries():
        yield ENTRIES[0]
        raise RuntimeError("the machine goes down")

    with pytest.raises(RuntimeError):
        write_shard(tmp_path / "a.tar", entries())
    assert list(tmp_path.iterdir()) == []


def test_a_shard_that_is_gone_or_short_is_told(tmp_path):
    with pytest.raises(InputError, match=r"cannot read the shard .*a\.tar"):
        read_member(tmp_path / "a.tar", 0, 1)
    (tmp_path / "a.tar").write_bytes(io.BytesIO(b"abc").getvalue())
    with pytest.raises(InputError, match="was cut short"):
        read_member(tmp_path / "a.tar", 1, 10)
