import json

import numpy as np
import pytest
import torch
from transformers import ClapFeatureExtractor, ClapModel, ClapProcessor
from transformers.models.clap.configuration_clap import ClapConfig

from auffusion.errors import InputError
from auffusion.evaluate.clap import ClapConfiguration, ClapExtractor, Listening, Padding
from auffusion.evaluate.extractor import FeatureExtractor
from auffusion.evaluate.weights import FoundWeights
from auffusion.pipeline.tiny_text import tiny_encoder

# preprocessor_config.json of laion/clap-htsat-unfused.
PREPROCESSOR = {
    "chunk_length_s": 10,
    "feature_extractor_type": "ClapFeatureExtractor",
    "feature_size": 64,
    "fft_window_size": 1024,
    "frequency_max": 14000,
    "frequency_min": 50,
    "hop_length": 480,
    "max_length_s": 10,
    "n_fft": 1024,
    "nb_frequency_bins": 513,
    "nb_max_frames": 1000,
    "nb_max_samples": 480000,
    "padding": "repeatpad",
    "padding_side": "right",
    "padding_value": 0.0,
    "processor_class": "ClapProcessor",
    "return_attention_mask": False,
    "sampling_rate": 48000,
    "top_db": None,
    "truncation": "rand_trunc",
}
TEXT = {
    "vocab_size": 261,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "max_position_embeddings": 66,
}
AUDIO = {
    "patch_embeds_hidden_size": 8,
    "depths": [1, 1],
    "num_attention_heads": [2, 2],
    "hidden_size": 16,
    "num_mel_bins": 64,
    "spec_size": 256,
    "patch_size": 16,
    "patch_stride": [16, 16],
    "window_size": 8,
}
CAPTIONS = ["a dog barks", "rain", "a door closes and footsteps walk away"]


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A folder as the hub has it, with tiny random parts: (folder, transformers' own model)."""
    folder = tmp_path_factory.mktemp("clap-htsat-unfused")
    tokenizer, _ = tiny_encoder("clap")
    tokenizer.save_pretrained(folder)
    vocabulary = {**TEXT, "vocab_size": len(tokenizer)}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = ClapModel(ClapConfig(text_config=vocabulary, audio_config=AUDIO)).eval()
        for module in model.modules():
            if isinstance(module, torch.nn.Linear):
                torch.nn.init.xavier_normal_(module.weight)
            if isinstance(module, torch.nn.BatchNorm2d):
                # Decibels come in: else all sounds would look alike.
                module.running_mean.fill_(-30.0)
                module.running_var.fill_(100.0)
    config = json.loads(model.config.to_json_string())
    # Whatever else a file of 2023 says must not matter.
    config |= {"architectures": ["ClapModel"], "torch_dtype": "float32"}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "preprocessor_config.json").write_text(json.dumps(PREPROCESSOR))
    torch.save(dict(model.state_dict()), folder / "pytorch_model.bin")
    return folder, model


@pytest.fixture(scope="module")
def extractor(published):
    def make(**config):
        found = FoundWeights(path=published[0], sha256="-")
        return ClapExtractor("clap", found, ClapConfiguration(**config))

    return make


@pytest.fixture(scope="module")
def theirs(published):
    """Embeddings of captions and sounds by transformers alone."""
    folder, model = published
    processor = ClapProcessor.from_pretrained(folder, local_files_only=True)

    @torch.no_grad()
    def embed(texts, sounds, **how):
        inputs = processor(
            text=texts, audio=sounds, sampling_rate=48_000, return_tensors="pt", padding=True
        )
        heard = ClapFeatureExtractor(**PREPROCESSOR)(
            sounds, sampling_rate=48_000, return_tensors="pt", **how
        )
        outputs = model(**{**inputs, **heard})
        return outputs.text_embeds, outputs.audio_embeds

    return embed


def test_ten_seconds_and_captions_give_what_transformers_gives(
    extractor, theirs, noise, assert_close
):
    ours = extractor()
    assert isinstance(ours, FeatureExtractor)
    sounds = noise(0, 480_000, items=3)
    texts, audios = theirs(CAPTIONS, list(sounds.numpy()))
    assert (audios[0] - audios[1]).abs().max() > 1e-3
    found = ours(sounds)["embedding"]
    assert_close(found, audios)
    assert_close(ours.embed_texts(CAPTIONS), texts)
    assert found.shape[1] == ours.dimensions["embedding"]
    assert torch.allclose(found.norm(dim=1), torch.ones(3))
    assert_close(ours(sounds[:1])["embedding"], found[:1], 3e-6)


@pytest.mark.parametrize(("ours", "how"), [(Padding.ZERO, "pad"), (Padding.REPEAT, "repeatpad")])
def test_a_shorter_sound_is_followed_by_zeros_or_by_itself(
    extractor, theirs, noise, assert_close, ours, how
):
    sound = noise(1, 150_000)
    _, expected = theirs(CAPTIONS[:1], [sound[0].numpy()], padding=how)
    assert_close(extractor(padding=ours)(sound)["embedding"], expected)


def test_zeros_and_repeats_differ(extractor, noise):
    sound = noise(1, 150_000)
    zero, repeated = (extractor(padding=one)(sound)["embedding"] for one in Padding)
    assert (zero - repeated).abs().max() > 1e-3


def test_of_a_longer_sound_the_first_or_the_middle_ten_seconds_are_heard(extractor, noise):
    sound = noise(2, 700_001)
    whole = extractor()
    for listening, start in ((Listening.FIRST, 0), (Listening.CENTRE, 110_000)):
        expected = whole(sound[:, start : start + 480_000])["embedding"]
        assert torch.equal(extractor(listening=listening)(sound)["embedding"], expected)


def test_all_of_a_sound_is_the_mean_of_its_windows_before_they_are_brought_to_length_one(
    published, extractor, noise, assert_close
):
    _, model = published
    sound = noise(3, 1_100_000)
    starts = (0, 480_000, 620_000)
    heard = ClapFeatureExtractor(**PREPROCESSOR)(
        [sound[0, s : s + 480_000].numpy() for s in starts],
        sampling_rate=48_000,
        return_tensors="pt",
    )
    with torch.no_grad():
        pooled = model.audio_model(**heard).pooler_output
        mean = model.audio_projection(pooled).mean(dim=0, keepdim=True)
    found = extractor(listening=Listening.ALL)(sound)["embedding"]
    assert_close(found, mean / mean.norm())


def test_nothing_is_drawn_from_the_global_generator(extractor, noise):
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    extractor()(noise(4, 500_000))
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


def test_silence_has_an_embedding_of_length_one(extractor):
    found = extractor()(torch.zeros(1, 48_000))["embedding"]
    assert found.norm().item() == pytest.approx(1.0)


def test_a_text_has_the_same_embedding_in_any_company(extractor, assert_close):
    ours = extractor()
    many = CAPTIONS * 30
    together = ours.embed_texts(many)
    assert len(together) == 90
    assert_close(ours.embed_texts(CAPTIONS[1:2]), together[1:2], 3e-6)
    assert_close(together[87:], together[:3], 3e-6)


@pytest.mark.parametrize(("texts", "told"), [([], "no text"), (["rain", "a" * 63], "65 tokens")])
def test_no_text_and_one_that_is_too_long_are_refused(extractor, texts, told):
    with pytest.raises(InputError, match=told):
        extractor().embed_texts(texts)


def test_the_longest_text_is_read(extractor):
    assert extractor().embed_texts(["a" * 62]).isfinite().all()


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("config.json", "{", "cannot be read as JSON"),
        ("config.json", "[]", "no JSON object"),
        ("config.json", "{}", "makes no sense"),
        ("config.json", '{"text_config": {"hidden_size": -1}, "audio_config": {}}', "no sense"),
        ("preprocessor_config.json", '{"frequency_min": 0}', "frequency_min 0 where 50"),
        ("pytorch_model.bin", "damaged", "pytorch_model.bin"),
    ],
)
def test_a_damaged_folder_is_refused_in_one_sentence(published, tmp_path, name, content, told):
    for path in published[0].iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / name).unlink()
    (tmp_path / name).write_text(content)
    found = FoundWeights(path=tmp_path, sha256="-")
    with pytest.raises(InputError, match=told):
        ClapExtractor("clap", found, ClapConfiguration())(torch.zeros(1, 480_000))


@pytest.fixture
def changed(published, tmp_path):
    """The folder with other weights."""

    def make(change):
        for path in published[0].iterdir():
            (tmp_path / path.name).symlink_to(path)
        (tmp_path / "pytorch_model.bin").unlink()
        state = torch.load(published[0] / "pytorch_model.bin", weights_only=True)
        torch.save(change(state), tmp_path / "pytorch_model.bin")
        found = FoundWeights(path=tmp_path, sha256="-")
        return ClapExtractor("clap", found, ClapConfiguration())

    return make


def test_weights_that_do_not_fit_are_refused(changed, noise):
    ours = changed(lambda state: {k: v for k, v in state.items() if k != "logit_scale_a"})
    with pytest.raises(InputError, match=r"do not fit their config\.json: 1 missing"):
        ours(noise(0, 480_000))


def test_numbers_that_a_network_counts_itself_may_be_missing(changed, extractor, noise):
    counted = ("position_ids", "token_type_ids", "relative_position_index")
    ours = changed(lambda state: {k: v for k, v in state.items() if not k.endswith(counted)})
    sound = noise(0, 480_000)
    assert torch.equal(ours(sound)["embedding"], extractor()(sound)["embedding"])
