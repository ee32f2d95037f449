"""Every kind of bad input ends in one sentence, status 2, and a folder as it was."""

import json
import pickle
import re
import resource
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import torch

from auffusion.audio import read_metadata, write_audio

CANARY = "canary"


class Payload:
    """A pickle that leaves a file behind when it is trusted."""

    def __reduce__(self):
        return Path.touch, (Path(CANARY),)


def make_list(name, content):
    def prepare(_model):
        Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())

    return prepare


def tone(name, value=None, **options):
    def prepare(_model):
        samples = 0.1 * np.sin(np.arange(16_000) / 5)
        if value is not None:
            samples[5_000] = value
        sf.write(name, samples, 16_000, **options)

    return prepare


def wav(frames, rate=16_000, declared=None):
    size = 2 * frames if declared is None else declared
    head = (b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 1, rate, 2 * rate & 0xFFFFFFFF, 2, 16)
    return struct.pack("<4sI4s4sIHHIIHH4sI", *head, b"data", size) + bytes(2 * frames)


def spoil(part, change):
    """A copy of the model in `model`, one of its files changed."""

    def prepare(model):
        shutil.copytree(model, "model")
        path = Path("model", part)
        path.write_bytes(change(path.read_bytes()))

    return prepare


def edit_json(**values):
    return lambda data: json.dumps(json.loads(data) | values).encode()


def pickled_weights(model):
    shutil.copytree(model, "model")
    Path("model/unet/diffusion_pytorch_model.safetensors").unlink()
    Path("model/unet/diffusion_pytorch_model.bin").write_bytes(pickle.dumps(Payload()))


def torch_weights(model):
    shutil.copytree(model, "model")
    Path("model/unet/diffusion_pytorch_model.safetensors").unlink()
    torch.save({"x": Payload()}, "model/unet/diffusion_pytorch_model.bin")


def shard_outside(model):
    shutil.copytree(model, "model")
    weights = Path("model/unet/diffusion_pytorch_model.safetensors")
    weights.rename("outside.safetensors")
    index = {"metadata": {}, "weight_map": {"conv_in.weight": "../../outside.safetensors"}}
    Path(f"{weights}.index.json").write_text(json.dumps(index))


def nothing(_model):
    """No file is needed."""


GENERATE = ("generate", "dog", "-m", "MODEL", "--steps", "1")
OWN_MODEL = ("generate", "dog", "-m", "model", "--steps", "1")
VOCODE = ("vocode", "in.wav", "-o", "out.wav", "-m", "MODEL")
FROM_LIST = ("generate", "-o", "out", "--from")

BAD = {
    "no prompt": (nothing, ("generate",), "nothing to make"),
    "prompt and list": (nothing, ("generate", "dog", "--from", "a.txt"), "not both"),
    "a missing list": (nothing, (*FROM_LIST, "a.txt"), r"cannot read a\.txt: No such file"),
    "an empty list": (make_list("a.txt", ""), (*FROM_LIST, "a.txt"), "holds no prompt"),
    "a list of another kind": (make_list("a.xml", "x"), (*FROM_LIST, "a.xml"), "must end in"),
    "a list not UTF-8": (make_list("a.txt", b"caf\xe9"), (*FROM_LIST, "a.txt"), "not UTF-8"),
    "a list without prompts": (make_list("a.csv", "x\n1\n"), (*FROM_LIST, "a.csv"), "no text in"),
    "a broken list": (make_list("a.jsonl", "{"), (*FROM_LIST, "a.jsonl"), "is not JSON"),
    "two sounds of one name": (
        make_list("a.csv", "prompt,name\ndog,x\nrain,x\n"),
        (*FROM_LIST, "a.csv"),
        "would be named x",
    ),
    "a prompt not UTF-8": (nothing, ("generate", "caf\udce9"), "not UTF-8"),
    "negative steps": (nothing, (*GENERATE[:2], "--steps", "-3"), "--steps is -3"),
    "too many steps": (nothing, (*GENERATE, "--steps", "5000"), "5000 steps cannot be made"),
    "no number": (nothing, (*GENERATE, "--guidance", "much"), "Invalid value for '--guidance'"),
    "guidance NaN": (nothing, (*GENERATE, "--guidance", "nan"), "--guidance is nan"),
    "length 0": (nothing, (*GENERATE, "--length", "0"), r"--length is 0\.0"),
    "a length of an hour": (nothing, (*GENERATE, "--length", "3600"), "3600.0 s is out of range"),
    "count 0": (nothing, (*GENERATE, "--count", "0"), "--count is 0"),
    "a seed below -1": (nothing, (*GENERATE, "--seed", "-2"), "the seed -2"),
    "an unknown sampler": (nothing, (*GENERATE, "--scheduler", "x"), "'x' is not one of"),
    "an unknown option": (nothing, (*GENERATE, "--sedd", "1"), "No such option: --sedd"),
    "a sound file of another kind": (nothing, (*GENERATE, "-o", "a.mp3"), "must end in"),
    "many sounds, one file": (
        nothing,
        (*GENERATE, "--count", "2", "-o", "a.wav"),
        "2 sounds do not fit",
    ),
    "formats that contradict": (
        nothing,
        (*GENERATE, "-o", "a.wav", "--format", "flac"),
        "contradict each other",
    ),
    "a missing folder": (nothing, (*GENERATE, "-o", "no/a.wav"), "its folder does not exist"),
    "an unwritable output": (
        make_list("file", "x"),
        (*GENERATE, "-o", "file/sounds"),
        "cannot write to the folder file/sounds",
    ),
    "an unknown model": (nothing, ("generate", "dog", "-m", "no model"), "no model 'no model'"),
    "a model never downloaded": (nothing, ("generate", "dog", "-m", "no/model"), "not downloaded"),
    "a folder without a model": (
        lambda _model: Path("model").mkdir(),
        OWN_MODEL,
        "model is not a model folder",
    ),
    "a truncated checkpoint": (
        spoil("unet/diffusion_pytorch_model.safetensors", lambda data: data[:-100]),
        OWN_MODEL,
        "unet/diffusion_pytorch_model",
    ),
    "an empty checkpoint": (
        spoil("vae/diffusion_pytorch_model.safetensors", lambda _data: b""),
        OWN_MODEL,
        "vae/diffusion_pytorch_model",
    ),
    "a broken index": (spoil("model_index.json", lambda data: data[:9]), OWN_MODEL, "not JSON"),
    "a part that names foreign code": (
        spoil("vocoder/config.json", edit_json(_class_name="os.system")),
        OWN_MODEL,
        r"names the vocoder 'os\.system'",
    ),
    "a pickled checkpoint": (pickled_weights, OWN_MODEL, "unet/diffusion_pytorch_model"),
    "a checkpoint with a hidden program": (torch_weights, OWN_MODEL, "diffusion_pytorch_model"),
    "a shard outside the model": (shard_outside, OWN_MODEL, "unet"),
    "a missing sound": (nothing, VOCODE, r"cannot read in\.wav: No such file"),
    "a folder as sound": (lambda _model: Path("in.wav").mkdir(), VOCODE, "Is a directory"),
    "an empty sound": (make_list("in.wav", ""), VOCODE, r"in\.wav is empty"),
    "a wrong header": (make_list("in.wav", "RIFF, but not"), VOCODE, "is not a WAV, FLAC"),
    "a header only": (make_list("in.wav", wav(0)), VOCODE, "holds no samples"),
    "a rate of 2 GHz": (make_list("in.wav", wav(9, 2_000_000_000)), VOCODE, "sample rate of"),
    "a truncated sound": (make_list("in.wav", wav(9, declared=99)), VOCODE, "was cut short"),
    "NaN samples": (tone("in.wav", np.nan, subtype="FLOAT"), VOCODE, "NaN, infinite or absurd"),
    "an unknown stage": (tone("in.wav"), (*VOCODE, "--through", "x"), "'x' is not one of"),
    "a sound of ours by name only": (tone("a.wav"), ("regenerate", "a.wav"), "no settings of"),
    "a model that is there already": (
        tone("a.wav"),
        ("model", "convert", "MODEL", "a.wav"),
        "exists already",
    ),
    "an unknown command": (nothing, ("transmogrify",), "No such command 'transmogrify'"),
}


def tree(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def assert_refused(result, sentence):
    status, out, err = result
    assert (status, out) == (2, "")
    assert err.startswith("auffusion: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert re.search(sentence, err), err


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_ends_in_one_sentence(auffusion, tiny_model, tmp_path, monkeypatch, kind):
    prepare, words, sentence = BAD[kind]
    monkeypatch.chdir(tmp_path)
    prepare(tiny_model)
    before = tree(tmp_path)
    words = [str(tiny_model) if word == "MODEL" else word for word in words]
    assert_refused(auffusion(*words), sentence)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("spectrogram", [(), ("--spectrogram",)])
def test_a_full_disk_leaves_nothing(auffusion, tiny_model, tmp_path, spectrogram):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, limits[1]))
    try:
        words = ("-m", tiny_model, "--steps", "1", "-o", tmp_path / "a.wav", *spectrogram)
        result = auffusion("generate", "dog", *words)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert_refused(result, r"cannot write .*: the file would exceed the size limit")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has such a device")
def test_a_device_that_is_not_there_is_refused(auffusion, tmp_path):
    words = ("-o", tmp_path / "a.wav", "--device", "cuda")
    assert_refused(auffusion("generate", "dog", *words), "--device cuda: this machine has none")
    assert not list(tmp_path.iterdir())


def test_a_file_of_another_model_is_refused(auffusion, tiny_model, tmp_path):
    path = tmp_path / "a.wav"
    auffusion("generate", "dog", "-m", tiny_model, "--steps", "1", "-o", path)
    metadata = read_metadata(path)
    record = json.loads(metadata["comment"])
    record["model"]["sha256"] = "0" * 64
    samples = sf.read(path, dtype="int16")[0]
    write_audio(path, samples, metadata=metadata | {"comment": json.dumps(record)})
    result = auffusion("regenerate", path, "-o", tmp_path / "b.wav")
    assert_refused(result, "was made by another model than")
    assert list(tmp_path.iterdir()) == [path]


def test_a_damaged_record_is_refused(auffusion, tmp_path):
    write_audio(tmp_path / "a.wav", np.zeros(9), metadata={"comment": '{"auffusion": "0.1"'})
    assert_refused(auffusion("regenerate", tmp_path / "a.wav"), "no settings of auffusion")
