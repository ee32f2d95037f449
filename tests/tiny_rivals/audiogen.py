"""A folder as https://huggingface.co/facebook/audiogen-medium, and T5 beside it.

Two pickled dicts of `best_state` and `xp.cfg`, the former under audiocraft's names (half precision
in the language model, as published), the latter as OmegaConf writes YAML: references unresolved.
"""

from types import SimpleNamespace

import torch
from torch import nn
from transformers import EncodecConfig, EncodecModel, MusicgenDecoderConfig
from transformers.models.musicgen.modeling_musicgen import MusicgenForCausalLM

from tiny_rivals.speech import WIDTH, t5_encoder, tokenizer

DIM, HEADS, LAYERS, BOOKS, CARD = 32, 4, 2, 4, 64

LANGUAGE_SETTINGS = f"""
device: cuda
sample_rate: 16000
lm_model: transformer_lm
transformer_lm:
  dim: {DIM}
  num_heads: {HEADS}
  num_layers: {LAYERS}
  hidden_scale: 4
  n_q: {BOOKS}
  card: {CARD}
  dropout: 0.0
  emb_lr: null
  activation: gelu
  norm_first: true
  bias_ff: false
  bias_attn: false
  bias_proj: false
codebooks_pattern:
  modeling: delay
  delay:
    delays: [0, 1, 2, 3]
    flatten_first: 0
    empty_initial: 0
conditioners:
  description:
    model: t5
    t5:
      name: t5-large
      finetune: false
"""
CODEC_SETTINGS = f"""
device: cuda
channels: 1
sample_rate: 16000
compression_model: encodec
encodec:
  autoencoder: seanet
  quantizer: rvq
  sample_rate: ${{sample_rate}}
  channels: ${{channels}}
  causal: false
  renormalize: false
seanet:
  dimension: 16
  channels: ${{channels}}
  causal: ${{encodec.causal}}
  n_filters: 4
  n_residual_layers: 1
  ratios: [8, 5, 4, 2]
  activation: ELU
  activation_params: {{alpha: 1.0}}
  norm: weight_norm
  kernel_size: 7
  residual_kernel_size: 3
  last_kernel_size: 7
  dilation_base: 2
  pad_mode: constant
  true_skip: true
  compress: 2
  lstm: 2
rvq:
  n_q: {BOOKS}
  q_dropout: false
  bins: {CARD}
"""


def write_audiogen(folder):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        folder.mkdir(exist_ok=True)
        words = tokenizer("t5")
        made = SimpleNamespace(
            text_encoder=t5_encoder(len(words), flan=False),
            tokenizer=words,
            language=_language(),
            projection=nn.Linear(WIDTH, DIM),
            codec=_codec(),
        )
        _through_half(made.language)
        _through_half(made.projection)
    for part in (made.text_encoder, made.tokenizer):
        part.save_pretrained(folder / "t5-large")
    projection = "condition_provider.conditioners.description.output_proj"
    language = audiocraft_language(made.language.state_dict())
    for name, tensor in made.projection.state_dict().items():
        language[f"{projection}.{name}"] = tensor
    language = {name: tensor.half() for name, tensor in language.items()}
    _save(language, LANGUAGE_SETTINGS, folder / "state_dict.bin")
    codec = audiocraft_codec(made.codec.state_dict())
    _save(codec, CODEC_SETTINGS, folder / "compression_state_dict.bin")
    return made


def _save(state, settings, path):
    content = {"best_state": state, "xp.cfg": settings, "version": "1.0.0", "exported": True}
    torch.save(content, path)


def _through_half(network):
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(parameter.half())


def _language():
    config = MusicgenDecoderConfig(
        vocab_size=CARD,
        num_codebooks=BOOKS,
        hidden_size=DIM,
        ffn_dim=4 * DIM,
        num_attention_heads=HEADS,
        num_hidden_layers=LAYERS,
        pad_token_id=CARD,
        bos_token_id=CARD,
    )
    network = MusicgenForCausalLM(config).eval()
    with torch.no_grad():
        # As it is made, it hardly listens: every code would be as likely as any other.
        for parameter in network.parameters():
            if parameter.ndim > 1:
                parameter.mul_(8.0)
    return network


def _codec():
    config = EncodecConfig(
        sampling_rate=16_000,
        audio_channels=1,
        use_causal_conv=False,
        hidden_size=16,
        num_filters=4,
        upsampling_ratios=[8, 5, 4, 2],
        pad_mode="constant",
        use_conv_shortcut=False,
        codebook_size=CARD,
        # Four codebooks of six bits, 50 times a second.
        target_bandwidths=[BOOKS * 6 * 50 / 1000],
    )
    network = EncodecModel(config).eval()
    with torch.no_grad():
        for book in network.quantizer.layers:
            book.codebook.embed.normal_()
    return network


def audiocraft_language(state):
    """The names of audiocraft's LMModel, built up place by place."""
    state = dict(state)
    written = {f"out_norm.{kind}": state.pop(f"model.decoder.layer_norm.{kind}") for kind in WB}
    for book in range(BOOKS):
        written[f"emb.{book}.weight"] = state.pop(f"model.decoder.embed_tokens.{book}.weight")
        written[f"linears.{book}.weight"] = state.pop(f"lm_heads.{book}.weight")
    for layer in range(LAYERS):
        new, old = f"transformer.layers.{layer}", f"model.decoder.layers.{layer}"
        for its, ours in (("self_attn", "self_attn"), ("cross_attention", "encoder_attn")):
            rows = [state.pop(f"{old}.{ours}.{letter}_proj.weight") for letter in "qkv"]
            written[f"{new}.{its}.in_proj_weight"] = torch.cat(rows)
            written[f"{new}.{its}.out_proj.weight"] = state.pop(f"{old}.{ours}.out_proj.weight")
        for number in (1, 2):
            written[f"{new}.linear{number}.weight"] = state.pop(f"{old}.fc{number}.weight")
        norms = ("norm1", "self_attn_layer_norm"), ("norm2", "final_layer_norm")
        for its, ours in (*norms, ("norm_cross", "encoder_attn_layer_norm")):
            for kind in WB:
                written[f"{new}.{its}.{kind}"] = state.pop(f"{old}.{ours}.{kind}")
    assert state == {}
    return written


WB = ("weight", "bias")
_NORMED = {"parametrizations.weight.original0": "weight_g"}
_NORMED["parametrizations.weight.original1"] = "weight_v"


def audiocraft_codec(state):
    """The names of audiocraft's EncodecModel: each convolution is wrapped twice."""
    written = {}
    for name, tensor in state.items():
        half, place, rest = name.split(".", 2)
        for newer, older in _NORMED.items():
            rest = rest.replace(newer, older)
        if half == "quantizer":
            index, rest = rest.split(".", 1)
            new = f"quantizer.vq.layers.{index}.{rest.replace('codebook.', '_codebook.')}"
        else:
            index, rest = rest.split(".", 1)
            # In the decoder, a convolution that is no block's lengthens, but for the ends.
            turned = half == "decoder" and rest.startswith("conv.") and index not in {"0", "15"}
            wrapped = "convtr.convtr." if turned else "conv.conv."
            new = f"{half}.model.{index}.{rest.replace('conv.', wrapped)}"
        assert place == "layers"
        written[new] = tensor
    return written
