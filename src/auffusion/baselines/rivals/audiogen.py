"""AudioGen (arXiv 2209.15352): the paper's AudioGen-v2-medium.

https://huggingface.co/facebook/audiogen-medium holds `state_dict.bin` (a language model of sound
in the manner of MusicGen, and the map from T5-large to it) and `compression_state_dict.bin` (an
EnCodec of 16 kHz). Both are pickled dicts of `best_state`, the weights, and `xp.cfg`, the settings
as YAML.
Their own code, audiocraft, pins torch 2.1; transformers has the same networks under the names of
MusicGen and EnCodec, and so they are read. Facts from
https://github.com/facebookresearch/audiocraft: audiocraft/models/{lm,audiogen,loaders,builders}.py,
audiocraft/modules/{transformer,conditioners,codebooks_patterns,seanet}.py, utils/export.py and
config/.
"""

import re
from collections.abc import Mapping, Sequence
from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from transformers import (
    EncodecConfig,
    EncodecModel,
    MusicgenDecoderConfig,
    T5EncoderModel,
    T5Tokenizer,
)
from transformers.models.musicgen.modeling_musicgen import MusicgenForCausalLM

from auffusion.baselines.audiocraft import AudiocraftFile
from auffusion.baselines.contract import Source
from auffusion.baselines.parts import Part, fill, load_part, load_small
from auffusion.baselines.sampling import Sampling
from auffusion.errors import InputError
from auffusion.shapes import TextEmbedding, Waveform

State = Mapping[str, Tensor]
Codes = Int[Tensor, "codebook frame"]
Logits = Float[Tensor, "codebook code"]

_TOP = 250
"""Likeliest codes among which is drawn, at temperature 1 (audiocraft's defaults)."""
_PROJECTION = "condition_provider.conditioners.description.output_proj."
_LANGUAGE_NAMES = (
    (r"^emb\.", "model.decoder.embed_tokens."),
    (r"^transformer\.", "model.decoder."),
    (r"^out_norm\.", "model.decoder.layer_norm."),
    (r"^linears\.", "lm_heads."),
    (r"\.norm1\.", ".self_attn_layer_norm."),
    (r"\.norm_cross\.", ".encoder_attn_layer_norm."),
    (r"\.norm2\.", ".final_layer_norm."),
    (r"\.cross_attention\.", ".encoder_attn."),
    (r"\.linear([12])\.", r".fc\1."),
)
_CODEC_NAMES = (
    (r"^(encoder|decoder)\.model\.", r"\1.layers."),
    (r"^quantizer\.vq\.", "quantizer."),
    (r"\._codebook\.", ".codebook."),
    (r"\.(conv|convtr)\.\1\.", ".conv."),
)


class AudioGen:
    """AudioGen.

    Args:
        source: the published files, and T5-large.

    Raises:
        InputError: they are incomplete, damaged or of another model.
    """

    def __init__(self, source: Source) -> None:
        self._codec = _codec(
            AudiocraftFile.read(source.folder / "compression_state_dict.bin"), source
        )
        language = AudiocraftFile.read(source.folder / "state_dict.bin")
        self._language = _language(language, source)
        self._project = _projection(language, source)
        t5 = source.companions["t5-large"]
        self._tokenizer = load_small(T5Tokenizer, t5)
        self._text_encoder = load_part(T5EncoderModel, t5, source)
        self._device = source.device
        self.sample_rate = int(self._codec.config.sampling_rate)

    def sound(self, prompt: str, generator: torch.Generator, sampling: Sampling) -> Waveform:
        """One channel at 16 kHz."""
        frames = round(sampling.length_s * self._codec.config.frame_rate)
        codes = self.codes(prompt, max(1, frames), generator, guidance=sampling.guidance)
        return self._codec.decode(codes[None, None], [None]).audio_values[0]

    def codes(
        self, prompt: str, frames: int, generator: torch.Generator | None, *, guidance: float
    ) -> Codes:
        """So many frames of codes, one from each codebook.

        Args:
            prompt: what to hear.
            frames: 50 of them make a second.
            generator: for drawing among the likeliest codes; None takes the likeliest.
            guidance: scale of the difference between the prompt's scores and none's.
        """
        embedding = self.embed(prompt)
        guided = guidance > 1
        if guided:
            # Without a prompt audiocraft attends to zeros, of whatever length.
            embedding = torch.cat([embedding, torch.zeros_like(embedding)])
        blank = self._language.config.vocab_size
        books = self._language.config.num_codebooks
        # Codebook k is written k steps late (the delay pattern): step t + 1 has frame t - k.
        line = torch.full((books, frames + books), blank, device=self._device)
        cache = None
        for step in range(1, line.shape[1]):
            answer = self._language(
                line[:, step - 1 : step].repeat(len(embedding), 1),
                encoder_hidden_states=embedding,
                past_key_values=cache,
                use_cache=True,
            )
            cache = answer.past_key_values
            scores = answer.logits[:, -1].float()
            if guided:
                given, without = scores.chunk(2)
                scores = without + guidance * (given - without)
            chosen = _choose(scores, generator)
            for book in range(books):
                if 0 <= step - 1 - book < frames:
                    line[book, step] = chosen[book]
        return torch.stack([line[book, 1 + book : 1 + book + frames] for book in range(books)])

    def embed(self, prompt: str) -> TextEmbedding:
        """What the language model sees of a prompt."""
        tokens = self._tokenizer([prompt], return_tensors="pt").to(self._device)
        rows = self._text_encoder(**tokens).last_hidden_state
        return self._project(rows)


def _choose(scores: Logits, generator: torch.Generator | None) -> Int[Tensor, " codebook"]:
    if generator is None:
        return scores.argmax(dim=-1)
    # Drawn on the CPU, so that a seed sounds the same on every device.
    likeliest, codes = scores.cpu().topk(min(_TOP, scores.shape[-1]), dim=-1)
    drawn = torch.multinomial(likeliest.softmax(dim=-1), 1, generator=generator)
    return codes.gather(-1, drawn)[:, 0].to(scores.device)


def _renamed(state: State, names: Sequence[tuple[str, str]]) -> dict[str, Tensor]:
    renamed: dict[str, Tensor] = {}
    for name, tensor in state.items():
        for old, new in names:
            name = re.sub(old, new, name)
        renamed[name] = tensor
    return renamed


def _language(checkpoint: AudiocraftFile, source: Source) -> Part:
    shape = checkpoint.group(
        "transformer_lm", ["dim", "num_heads", "num_layers", "hidden_scale", "n_q", "card"]
    )
    settings: Part = MusicgenDecoderConfig
    with checkpoint.describing():
        config = settings(
            vocab_size=shape["card"],
            num_codebooks=shape["n_q"],
            hidden_size=shape["dim"],
            ffn_dim=int(shape["dim"] * shape["hidden_scale"]),
            num_attention_heads=shape["num_heads"],
            num_hidden_layers=shape["num_layers"],
            pad_token_id=shape["card"],
            bos_token_id=shape["card"],
            activation_function="gelu",
        )
        network = MusicgenForCausalLM(config)
    state = {n: t for n, t in checkpoint.state.items() if not n.startswith(_PROJECTION)}
    return fill(network, language_names(state), checkpoint.path, source)


def language_names(state: State) -> dict[str, Tensor]:
    """Audiocraft's language model under the names of transformers' MusicGen.

    >>> layer = "transformer.layers.0."
    >>> list(language_names({layer + "cross_attention.in_proj_weight": torch.zeros(6, 2)}))
    ['model.decoder.layers.0.encoder_attn.q_proj.weight',
     'model.decoder.layers.0.encoder_attn.k_proj.weight',
     'model.decoder.layers.0.encoder_attn.v_proj.weight']
    """
    split: dict[str, Tensor] = {}
    for name, tensor in _renamed(state, _LANGUAGE_NAMES).items():
        if name.endswith(".in_proj_weight"):
            owner = name.removesuffix("in_proj_weight")
            # Queries, keys and values stand one below the other.
            for letter, rows in zip("qkv", tensor.chunk(3), strict=True):
                split[f"{owner}{letter}_proj.weight"] = rows
        else:
            split[name] = tensor
    return split


def _projection(checkpoint: AudiocraftFile, source: Source) -> Part:
    state = {
        name.removeprefix(_PROJECTION): tensor
        for name, tensor in checkpoint.state.items()
        if name.startswith(_PROJECTION)
    }
    if "weight" not in state or state["weight"].ndim != 2:
        raise InputError(f"{checkpoint.path} holds no {_PROJECTION}weight: fetch it again")
    features, inner = state["weight"].shape
    return fill(nn.Linear(inner, features), state, checkpoint.path, source)


def _codec(checkpoint: AudiocraftFile, source: Source) -> Part:
    sound = checkpoint.group("encodec", ["sample_rate", "channels", "causal"])
    shape = checkpoint.group("seanet", ["dimension", "n_filters", "ratios", "true_skip"])
    books = checkpoint.group("rvq", ["n_q", "bins"])
    settings: Part = EncodecConfig
    with checkpoint.describing():
        config = settings(
            sampling_rate=sound["sample_rate"],
            audio_channels=sound["channels"],
            use_causal_conv=sound["causal"],
            hidden_size=shape["dimension"],
            num_filters=shape["n_filters"],
            num_residual_layers=shape.get("n_residual_layers", 1),
            upsampling_ratios=shape["ratios"],
            kernel_size=shape.get("kernel_size", 7),
            last_kernel_size=shape.get("last_kernel_size", 7),
            residual_kernel_size=shape.get("residual_kernel_size", 3),
            dilation_growth_rate=shape.get("dilation_base", 2),
            pad_mode=shape.get("pad_mode", "reflect"),
            compress=shape.get("compress", 2),
            num_lstm_layers=shape.get("lstm", 2),
            use_conv_shortcut=not shape["true_skip"],
            codebook_size=books["bins"],
        )
        # transformers counts codebooks by bandwidth, and rounds down.
        bits = config.frame_rate * config.codebook_nbits / 1000
        config.target_bandwidths = [(books["n_q"] + 0.5) * bits]
        network = EncodecModel(config)
    return fill(network, _codec_names(network, checkpoint.state), checkpoint.path, source)


def _codec_names(network: nn.Module, state: State) -> dict[str, Tensor]:
    renamed = _renamed(state, _CODEC_NAMES)
    expected = cast("dict[str, Tensor]", network.state_dict())
    # Weight norm as torch has called it since 2.0.
    parametrized = any(".parametrizations." in name for name in expected)
    if not parametrized:
        return renamed
    newer = {".weight_g": ".parametrizations.weight.original0"}
    newer[".weight_v"] = ".parametrizations.weight.original1"
    return {
        re.sub(r"\.weight_[gv]$", lambda found: newer[found[0]], name): tensor
        for name, tensor in renamed.items()
    }


def load(source: Source) -> AudioGen:
    """AudioGen from its published files."""
    return AudioGen(source)
