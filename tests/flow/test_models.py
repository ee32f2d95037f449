import json

import pytest
import soundfile as sf

from auffusion.pipeline import write_tiny_published


def test_the_models_that_have_a_name_are_listed(auffusion):
    status, out, _ = auffusion("model", "list")
    assert status == 0
    assert {"embedded", "auffusion/auffusion-full"} <= set(out.split())
    listed = json.loads(auffusion("model", "list", "--json")[1])
    assert {"name": "auffusion/auffusion-full", "here": False} in listed


def test_a_model_tells_its_parts_and_its_identity(auffusion, tiny_model, tmp_path):
    facts = json.loads(auffusion("model", "info", tiny_model, "--json")[1])
    assert (facts["sample_rate_hz"], facts["window_s"], facts["guidance"]) == (16_000, 2.56, 7.5)
    assert facts["parts"]["unet (UNet2DConditionModel)"] > 10_000
    auffusion("generate", "dog", "-m", tiny_model, "-o", tmp_path / "a.wav", "--steps", "1")
    _, out, _ = auffusion("model", "info", tiny_model)
    assert facts["identity"] in out
    with sf.SoundFile(tmp_path / "a.wav") as _:
        assert facts["identity"].encode() in (tmp_path / "a.wav").read_bytes()


@pytest.mark.parametrize("layout", ["adapter", "stable-diffusion"])
def test_a_published_folder_becomes_ours_and_back_and_sounds_the_same(auffusion, tmp_path, layout):
    (tmp_path / "old").mkdir()
    write_tiny_published(tmp_path / "old", layout)
    assert auffusion("model", "convert", tmp_path / "old", tmp_path / "ours")[0] == 0
    back = ("--to", "published")
    assert auffusion("model", "convert", tmp_path / "ours", tmp_path / "back", *back)[0] == 0
    assert not [path for path in (tmp_path / "ours").rglob("*") if path.suffix in {".bin", ".pt"}]
    identities = set()
    for name in ("old", "ours", "back"):
        words = ("-o", tmp_path / f"{name}.wav", "--steps", "2", "-m", tmp_path / name)
        assert auffusion("generate", "dog", *words)[0] == 0
        identities.add(json.loads(auffusion("model", "info", words[-1], "--json")[1])["identity"])
    sounds = {sf.read(path, dtype="int16")[0].tobytes() for path in tmp_path.glob("*.wav")}
    assert (len(sounds), len(identities)) == (1, 1)
