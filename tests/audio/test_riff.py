import io
import struct

from auffusion.audio.riff import chunks, info_tags, wav_bytes


def test_a_wav_file_has_the_44_byte_header_that_every_reader_knows():
    data = wav_bytes(b"\x01\x00\x02\x00", sample_rate=16_000, tags={})
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", 40, b"WAVE", b"fmt ", 16, 1, 1, 16_000, 32_000, 2, 16, b"data", 4),
    )
    assert data == header + b"\x01\x00\x02\x00"


def test_chunks_of_odd_size_are_padded_and_found_again():
    data = wav_bytes(b"\0\0", sample_rate=8_000, tags={b"INAM": "ab", b"ICMT": "abc"})
    assert len(data) % 2 == 0
    assert struct.unpack_from("<I", data, 4)[0] == len(data) - 8
    assert [chunk.name for chunk in chunks(io.BytesIO(data))] == [b"fmt ", b"data", b"LIST"]
    assert info_tags(io.BytesIO(data)) == {b"INAM": "ab", b"ICMT": "abc"}


def test_a_chunk_says_how_much_of_it_is_there():
    data = wav_bytes(b"\0" * 100, sample_rate=8_000, tags={})[:-40]
    sound = list(chunks(io.BytesIO(data)))[1]
    assert (sound.declared, sound.present) == (100, 60)


def test_the_size_of_a_large_file_is_read_from_its_own_chunk():
    wide = struct.pack("<4sIQQQI", b"ds64", 28, 100, 6, 3, 0)
    data = b"RF64" + b"\xff" * 4 + b"WAVE" + wide + b"data" + b"\xff" * 4 + b"\0" * 6
    assert [chunk.declared for chunk in chunks(io.BytesIO(data))] == [28, 6]


def test_what_is_no_wav_file_has_no_chunks():
    assert not list(chunks(io.BytesIO(b"")))
    assert not list(chunks(io.BytesIO(b"fLaC" + b"\0" * 100)))


def test_tags_in_a_foreign_code_page_are_read_as_far_as_they_go():
    data = wav_bytes(b"\0\0", sample_rate=8_000, tags={b"INAM": "cafe"}).replace(
        b"cafe", b"caf\xe9"
    )
    assert info_tags(io.BytesIO(data)) == {b"INAM": "caf\ufffd"}


def test_a_list_that_ends_early_gives_what_it_holds():
    data = wav_bytes(b"\0\0", sample_rate=8_000, tags={b"INAM": "ab", b"ICMT": "x" * 50})
    assert info_tags(io.BytesIO(data[:-20]))[b"INAM"] == "ab"
