import time
import warnings

import pytest
import torch
import torch.nn.functional as F
from accelerate import cpu_offload

from auffusion.errors import InputError
from auffusion.text import (
    ConditionAdapter,
    PromptCutWarning,
    TextBranch,
    TextEncoder,
    load_text_encoder,
)

WORDS = ["", "a dog", "a dog is barking in a big hall", "dog " * 12]


def adapter(features=16, seed=0):
    torch.manual_seed(seed)
    made = ConditionAdapter(16, features)
    torch.nn.init.normal_(made.norm.weight)
    torch.nn.init.normal_(made.norm.bias)
    return made.eval()


def adapted(encoder, convention="adapter", **settings):
    branch = TextBranch(encoder.tokenizer, encoder.model, adapter(), **settings)
    return TextEncoder([branch], convention)


def plain(encoder, convention="stable-diffusion", **settings):
    return TextEncoder([TextBranch(encoder.tokenizer, encoder.model, **settings)], convention)


def layer_norm_of_linear(rows, made):
    linear = F.linear(rows, made.proj.weight, made.proj.bias)
    return F.layer_norm(linear, (16,), made.norm.weight, made.norm.bias)


@torch.no_grad()
def by_hand(encoder, prompt, rows=77):
    """The adapter convention written with transformers and functional torch alone."""
    tokens = encoder.tokenizer(prompt, return_tensors="pt")
    hidden = encoder.model(input_ids=tokens.input_ids).last_hidden_state[0, :rows]
    padded = torch.cat([hidden, torch.zeros(rows - len(hidden), 16)])
    return layer_norm_of_linear(padded, adapter())


def words_of(encoder, count):
    """A prompt of exactly `count` tokens beside the special ones."""
    per_word = len(encoder.tokenizer("a a")["input_ids"]) - len(encoder.tokenizer("a")["input_ids"])
    special = len(encoder.tokenizer("")["input_ids"])
    prompt = ("a" + " a" * count)[: 2 * (count // per_word + 1)]
    while len(encoder.tokenizer(prompt)["input_ids"]) - special > count:
        prompt = prompt[:-1]
    assert len(encoder.tokenizer(prompt)["input_ids"]) - special == count
    return prompt


class TestAdapterConvention:
    @pytest.mark.parametrize("prompt", WORDS)
    def test_it_equals_the_formula_on_the_plain_encoder(self, encoder, prompt):
        got = adapted(encoder).encode([prompt])
        assert got.embeds.shape == (1, 77, 16)
        torch.testing.assert_close(got.embeds[0], by_hand(encoder, prompt), atol=1e-6, rtol=0)
        assert got.truncated == ("",)

    def test_rows_behind_the_prompt_are_the_norm_of_the_bias(self, encoder):
        used = len(encoder.tokenizer("a dog")["input_ids"])
        made = adapter()
        pad = F.layer_norm(made.proj.bias, (16,), made.norm.weight, made.norm.bias)
        rows = adapted(encoder).encode(["a dog"]).embeds[0, used:]
        torch.testing.assert_close(rows, pad.expand(77 - used, 16), atol=1e-6, rtol=0)

    def test_no_text_is_all_zero_and_differs_from_an_empty_prompt(self, encoder):
        made = adapted(encoder)
        assert torch.equal(made.unconditional(3), torch.zeros(3, 77, 16))
        assert made.encode([""]).embeds.abs().max() > 0.1

    def test_two_encoders_are_joined_row_after_row(self, encoders):
        first, second = encoders["clap"], encoders["t5"]
        branches = [TextBranch(e.tokenizer, e.model, adapter()) for e in (first, second)]
        made = TextEncoder(branches, "adapter")
        got = made.encode(["a dog", "bark"]).embeds
        expected = torch.cat([by_hand(first, "bark"), by_hand(second, "bark")])
        assert got.shape == (2, 154, 16)
        torch.testing.assert_close(got[1], expected, atol=1e-6, rtol=0)
        assert made.unconditional(2).shape == (2, 154, 16)

    def test_another_number_of_rows_may_be_asked_for(self, encoders):
        got = adapted(encoders["bert"], max_length=32).encode(["a dog"]).embeds
        assert got.shape == (1, 32, 16)
        expected = by_hand(encoders["bert"], "a dog", rows=32)
        torch.testing.assert_close(got[0], expected, atol=1e-6, rtol=0)

    @pytest.mark.parametrize("kind", ["t5", "clap"])
    def test_an_encoder_with_more_room_reads_the_whole_prompt_before_rows_are_cut(
        self, encoders, kind
    ):
        prompt = words_of(encoders[kind], 100)
        with pytest.warns(PromptCutWarning):
            got = adapted(encoders[kind]).encode([prompt]).embeds
        torch.testing.assert_close(got[0], by_hand(encoders[kind], prompt), atol=1e-6, rtol=0)


class TestStableDiffusionConvention:
    @pytest.mark.parametrize("prompt", WORDS)
    def test_clip_sees_the_padding_as_in_stable_diffusion(self, encoders, prompt):
        clip = encoders["clip"]
        tokens = clip.tokenizer(
            prompt, padding="max_length", max_length=77, truncation=True, return_tensors="pt"
        )
        with torch.no_grad():
            expected = clip.model(tokens.input_ids)[0]
        got = plain(clip).encode([prompt]).embeds
        torch.testing.assert_close(got, expected, atol=1e-6, rtol=0)
        assert tokens.input_ids[0, -1] == clip.tokenizer.eos_token_id

    def test_no_text_is_the_empty_prompt(self, encoder):
        made = plain(encoder)
        empty = made.encode([""]).embeds
        assert torch.equal(made.unconditional(2), torch.cat([empty, empty]))
        assert empty.abs().max() > 0.1

    def test_the_two_conventions_differ_behind_the_prompt_only(self, encoders):
        clip = encoders["clip"]
        ours = plain(clip, "adapter").encode(["a dog"]).embeds[0]
        theirs = plain(clip).encode(["a dog"]).embeds[0]
        used = len(clip.tokenizer("a dog")["input_ids"])
        # CLIP is causal: what is said does not see the padding behind it.
        torch.testing.assert_close(ours[:used], theirs[:used], atol=1e-6, rtol=0)
        assert (ours[used:] - theirs[used:]).abs().amin(dim=0).max() > 1e-3

    @pytest.mark.parametrize("kind", ["clap", "t5", "bert"])
    def test_encoders_that_look_both_ways_are_told_what_is_padding(self, encoders, kind):
        found = encoders[kind]
        used = len(found.tokenizer("a dog")["input_ids"])
        with torch.no_grad():
            tokens = found.tokenizer("a dog", return_tensors="pt")
            alone = found.model(tokens.input_ids).last_hidden_state[0]
        got = plain(found).encode(["a dog"]).embeds[0, :used]
        torch.testing.assert_close(got, alone, atol=1e-5, rtol=0)


@pytest.mark.parametrize("convention", ["adapter", "stable-diffusion"])
class TestPromptsOfAnyKind:
    def test_mixed_lengths_in_a_batch_equal_each_alone(self, encoder, convention):
        made = adapted(encoder, convention)
        together = made.encode(WORDS).embeds
        for rows, prompt in zip(together, WORDS, strict=True):
            assert torch.equal(rows, made.encode([prompt]).embeds[0])

    @pytest.mark.parametrize("count", [0, 1, 75, 76, 77, 78, 200, 5000])
    def test_no_number_of_tokens_fails_and_what_is_cut_is_told(self, encoder, convention, count):
        prompt = words_of(encoder, count)
        special = len(encoder.tokenizer("")["input_ids"])
        # Behind the encoder the end of sentence loses its row first; before it, the text does.
        reads_on = convention == "adapter" and encoder.model.config.model_type != "clip_text_model"
        begins = special - 1 if reads_on else special
        room = 77 - begins if count > 77 - special else count
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            got = adapted(encoder, convention).encode(["dog", prompt])
        assert got.embeds.shape == (2, 77, 16)
        assert got.embeds.isfinite().all()
        assert got.truncated[0] == ""
        kept = prompt.removesuffix(got.truncated[1]).rstrip()
        assert len(encoder.tokenizer(kept)["input_ids"]) - special == min(count, room)
        assert [w.category for w in caught] == [PromptCutWarning] * (got.truncated[1] != "")

    @pytest.mark.parametrize(
        "prompt",
        [
            "🐶🔊👩‍👩‍👧",
            "كلب ينبح",
            "nul \0 inside",
            "\u202edog\u202c",
            "  a  dog \n\t",
            "</s> <|endoftext|>",
        ],
    )
    def test_no_characters_fail(self, encoder, convention, prompt):
        got = adapted(encoder, convention).encode([prompt])
        assert got.embeds.isfinite().all()

    @pytest.mark.parametrize(
        "prompt", ["a dog barks " * 87_400, "a" * 2**20, "🐶" * 2**18, " " * 2**20 + "dog"]
    )
    def test_a_megabyte_is_cut_with_a_short_warning(self, encoder, convention, prompt):
        started = time.monotonic()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            got = adapted(encoder, convention).encode([prompt])
        assert got.embeds.isfinite().all()
        assert all(len(str(w.message)) < 300 for w in caught)
        assert prompt.endswith(got.truncated[0])
        assert time.monotonic() - started < 5

    def test_half_a_character_is_refused(self, encoder, convention):
        with pytest.raises(InputError, match="not valid text"):
            adapted(encoder, convention).encode(["dog \ud83d"])


def test_the_warning_quotes_the_words_that_were_cut(encoders):
    prompt = "a " * 75 + "whistling KETTLE"
    with pytest.warns(PromptCutWarning, match="cut off: 'whistling KETTLE'"):
        got = plain(encoders["clip"]).encode([prompt])
    assert got.truncated == ("whistling KETTLE",)


def test_with_two_encoders_the_longer_cut_is_told(encoders):
    clip, bert = encoders["clip"], encoders["bert"]
    branches = [
        TextBranch(clip.tokenizer, clip.model, adapter()),
        TextBranch(bert.tokenizer, bert.model, adapter(), max_length=8),
    ]
    with pytest.warns(PromptCutWarning):
        got = TextEncoder(branches, "adapter").encode(["a a a a a a a dog"])
    assert got.embeds.shape == (1, 85, 16)
    assert got.truncated == ("dog",)


@pytest.mark.parametrize("convention", ["adapter", "stable-diffusion"])
def test_an_offloaded_encoder_is_used_where_it_computes(encoders, convention):
    clip = encoders["clip"]
    made = load_text_encoder(clip.folder)
    expected = plain(clip, convention).encode(["a dog"]).embeds
    cpu_offload(made, execution_device="cpu")
    assert made.device.type == "meta"
    branch = TextBranch(clip.tokenizer, made, device=torch.device("cpu"))
    encoder = TextEncoder([branch], convention)
    assert torch.equal(encoder.encode(["a dog"]).embeds, expected)
    assert encoder.unconditional(1).device.type == "cpu"
