"""A generated sound whose words are watched, through the real door with a real U-Net."""

import pytest
import torch

from auffusion.attention import AttentionStore, Selection, controlled
from auffusion.errors import InputError
from auffusion.pipeline import tiny_pipeline

PROMPT = "a dog and rain"
CALL = {"audio_length_in_s": 0.64, "num_inference_steps": 2}


def whole_maps(pipeline, prompt=PROMPT):
    """Every column of the same call, by a store of one's own around the pipeline."""
    store = AttentionStore()
    with controlled(pipeline.unet, store, 1):
        output = pipeline(prompt, seeds=[3], output_type="pt", **CALL)
    return store, output


def spelled(tokenizer, prompt, word):
    """Positions of a word's tokens, from the tokenizer's own offsets."""
    first = prompt.index(word)
    offsets = tokenizer(prompt, return_offsets_mapping=True)["offset_mapping"]
    return [i for i, (a, b) in enumerate(offsets) if a < first + len(word) and b > first and b > a]


@pytest.mark.parametrize("layout", ["adapter", "stable-diffusion"])
def test_a_words_map_is_the_sum_over_its_tokens(layout):
    pipeline = tiny_pipeline(layout=layout)
    pipeline.set_progress_bar_config(disable=True)
    found = pipeline.attention(PROMPT, words=["rain", "dog"], seed=3, **CALL)
    every, _ = whole_maps(pipeline)
    for column, word in enumerate(("rain", "dog")):
        rows = spelled(pipeline.tokenizer, PROMPT, word)
        assert len(rows) == len(word)
        for grid in ((8, 8), (4, 4)):
            expected = every.aggregate(grid)[..., rows].sum(-1)
            got = found.store.aggregate(grid)[..., column]
            torch.testing.assert_close(got, expected, atol=1e-6, rtol=0)


def test_two_encoders_give_the_columns_of_both():
    pipeline = tiny_pipeline(encoders=("clip", "t5"))
    pipeline.set_progress_bar_config(disable=True)
    found = pipeline.attention(PROMPT, words=["dog"], seed=3, **CALL)
    every, _ = whole_maps(pipeline)
    first = spelled(pipeline.tokenizer, PROMPT, "dog")
    second = [77 + row for row in spelled(pipeline.tokenizer_2, PROMPT, "dog")]
    assert len(first) == 3
    assert len(second) >= 3
    expected = every.aggregate((8, 8))[..., first + second].sum(-1)
    torch.testing.assert_close(found.store.aggregate((8, 8))[..., 0], expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("scale", [1.0, 7.5])
@pytest.mark.parametrize("prompt", [PROMPT, "a (dog:2.0) and rain"])
def test_watching_changes_no_bit_of_the_sound(shared_tiny, scale, prompt):
    before = dict(shared_tiny.unet.attn_processors)
    plain = shared_tiny(prompt, seeds=[3], guidance_scale=scale, output_type="pt", **CALL)
    found = shared_tiny.attention(prompt, seed=3, guidance_scale=scale, **CALL)
    assert torch.equal(found.output.audios, plain.audios)
    assert found.output.seeds == (3,)
    assert shared_tiny.unet.attn_processors == before


def test_weights_are_in_the_maps(shared_tiny):
    plain = shared_tiny.attention(PROMPT, words=["dog"], steps=[0], **CALL)
    weighted = shared_tiny.attention("a (dog:3.0) and rain", words=["dog"], steps=[0], **CALL)
    # The first layer of the first step sees the same latent.
    first = Selection(layers=[plain.store.kept[0].layer])
    before, after = (one.heatmaps(first)["dog"].values for one in (plain, weighted))
    torch.testing.assert_close(after, 3 * before, atol=1e-6, rtol=1e-5)


def test_every_word_is_watched_once_unless_some_are_named(shared_tiny):
    found = shared_tiny.attention("a dog and a cat", **CALL)
    assert found.words == ("a", "dog", "and", "cat")
    maps = found.heatmaps()
    assert list(maps) == list(found.scores()) == list(found.words)
    assert all(0 <= one.values.min() <= one.values.max() <= 1 for one in maps.values())


def test_a_map_has_the_axes_of_the_sound(shared_tiny):
    found = shared_tiny.attention(PROMPT, num_inference_steps=1, audio_length_in_s=0.7)
    heatmap = found.heatmaps()["dog"]
    assert heatmap.values.shape == (8, 9)  # 0.08 s a column, the last one begun
    assert heatmap.seconds == pytest.approx(0.7)
    assert (heatmap.edges_hz[0], heatmap.edges_hz[-1]) == (8000, 0)
    assert found.level.shape == (64, 70)


def test_scores_are_of_the_maps_that_are_shown(shared_tiny):
    found = shared_tiny.attention(PROMPT, apart=("step",), **CALL)
    early = found.scores(found.heatmaps(Selection(steps=[0])))
    late = found.scores(found.heatmaps(Selection(steps=[1])))
    assert early["dog"].agreement != late["dog"].agreement
    assert -1 <= found.scores()["dog"].agreement <= 1


def test_layers_steps_and_heads_can_be_told_apart(shared_tiny):
    found = shared_tiny.attention(PROMPT, apart=("step", "head"), **CALL)
    joined = found.heatmaps()["dog"].values
    parts = [
        found.heatmaps(Selection(steps=[step], heads=[head]))["dog"].values
        for step in range(3)  # PNDM makes one prediction more
        for head in range(2)
    ]
    torch.testing.assert_close(torch.stack(parts).mean(0), joined, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("levels", "grids"), [([0], {(8, 8)}), ([1], {(4, 4)}), (None, {(8, 8), (4, 4)})]
)
def test_levels_are_counted_from_the_finest(shared_tiny, levels, grids):
    found = shared_tiny.attention(PROMPT, levels=levels, **CALL)
    assert {(one.site.height, one.site.width) for one in found.store.maps()} == grids


def test_parts_of_the_network_can_be_chosen(shared_tiny):
    found = shared_tiny.attention(PROMPT, places=["up"], **CALL)
    assert {one.site.place for one in found.store.maps()} == {"up"}


def test_steps_are_told(shared_tiny):
    seen = []
    shared_tiny.attention(PROMPT, on_step=lambda i, _, z: seen.append(i) or z, **CALL)
    assert seen == [0, 1, 2]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"words": ["cat"]}, "has no word 'cat'"),
        ({"prompt": " "}, "the prompt has no words"),
        (
            {"audio_length_in_s": 3.0},
            r"within one training window of 2\.56 s, and a sound of 3\.00",
        ),
        ({"levels": [-1]}, r"levels \[-1\] must be 0"),
        ({"levels": [4]}, "no attention of the layers"),
        ({"num_inference_steps": 0}, "0 steps"),
    ],
)
def test_what_cannot_be_watched_is_refused(shared_tiny, arguments, sentence):
    before = dict(shared_tiny.unet.attn_processors)
    with pytest.raises(InputError, match=sentence):
        shared_tiny.attention(**{"prompt": PROMPT, **CALL, **arguments}).heatmaps()
    assert shared_tiny.unet.attn_processors == before
