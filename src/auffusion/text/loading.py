"""Text encoders and tokenizers from model folders, old and new."""

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import torch
from huggingface_hub.errors import StrictDataclassError
from torch import Tensor
from transformers import AutoTokenizer
from transformers.models.bert.modeling_bert import BertModel
from transformers.models.clap.modeling_clap import ClapTextModelWithProjection
from transformers.models.clip.modeling_clip import CLIPTextModel
from transformers.models.t5.modeling_t5 import T5EncoderModel

from auffusion.errors import InputError
from auffusion.weights import read_weights


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Family:
    """A kind of encoder: how its folder is recognised and what its weight files may hold."""

    matches: Callable[[str], bool]
    """Whether an entry of `architectures` in config.json names this kind."""
    model: type[Any]
    """The transformers class."""
    prefix: str = ""
    """What older files write before every name."""
    foreign: tuple[str, ...] = ()
    """Beginnings of names that belong to other parts of the model and are left out."""


# The rules by which the published loader chooses, and our embedded model's kind.
_FAMILIES = (
    # transformers 5.6 dropped the prefix from this class, and from no other.
    _Family(matches="CLIPTextModel".__eq__, model=CLIPTextModel, prefix="text_model."),
    _Family(
        matches=lambda name: "t5" in name.lower(),
        model=T5EncoderModel,
        foreign=("decoder.", "lm_head."),
    ),
    _Family(
        matches=lambda name: "clap" in name.lower(),
        model=ClapTextModelWithProjection,
        foreign=("audio_model.", "audio_projection.", "logit_scale_"),
    ),
    _Family(matches="BertModel".__eq__, model=BertModel, prefix="bert.", foreign=("cls.",)),
)
# Numbers 0, 1, 2, … that old files store and new models count themselves.
_POSITION_BUFFERS = ("position_ids", "token_type_ids")
# What a configuration records of the file it came from; we load in float32 whatever it says.
_NOT_SETTINGS = {"dtype", "architectures", "transformers_version"}
# How a configuration with impossible values fails: at once, or while its layers are made.
NONSENSE = (
    StrictDataclassError,
    TypeError,
    ValueError,
    LookupError,
    RuntimeError,
    ArithmeticError,
)
"""The errors of a model made from a configuration that makes no sense."""
_T5_TABLE = ("shared.weight", "encoder.embed_tokens.weight")


def load_text_encoder(folder: Path) -> Any:  # noqa: ANN401
    """The transformers encoder in a folder, in float32, on the CPU, ready for inference.

    Raises:
        InputError: the folder lacks files, names an encoder we do not know, or its weights are
            damaged or do not fit its configuration.
    """
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            f"{folder / 'config.json'} cannot be read as JSON ({error}): "
            "the text encoder's folder is incomplete"
        ) from error
    if not isinstance(config, dict):
        raise InputError(
            f"{folder / 'config.json'} holds a {type(config).__name__} where an object was "
            "expected: fetch the model again"
        )
    return build_text_encoder(
        cast("dict[str, Any]", config), read_weights(folder), source=str(folder)
    )


def build_text_encoder(
    config: Mapping[str, Any], state: Mapping[str, Tensor], *, source: str = "the text encoder"
) -> Any:  # noqa: ANN401
    """The transformers encoder that a configuration describes, with weights of any age.

    Args:
        config: content of `config.json`; `architectures` decides the class.
        state: its weights, with the names that any version of transformers gave them.
        source: named in errors.

    Raises:
        InputError: an encoder we do not know, or weights that do not fit.
    """
    family = _family(config, source)
    named = _renamed(family, state)
    options = _options(family, named)
    # Compared on the meta device first: a damaged configuration may ask for any size.
    with torch.device("meta"):
        expected = _construct(family, config, options, source).state_dict()
    named = _matched(expected, named, source)
    model = _construct(family, config, options, source)
    model.load_state_dict(named, strict=False)
    return model.float().eval()


def load_tokenizer(folder: Path) -> Any:  # noqa: ANN401
    """The transformers tokenizer in a folder.

    Raises:
        InputError: there is none, or its files are damaged.
    """
    try:
        loader: Any = AutoTokenizer
        tokenizer: Any = loader.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False
        )
    # The tokenizers library raises nothing narrower; the cause is kept.
    except Exception as error:
        raise InputError(
            f"no tokenizer can be read from {folder} ({type(error).__name__}: {error}): "
            "its files are missing or damaged"
        ) from error
    if not tokenizer.is_fast:
        raise InputError(f"the tokenizer in {folder} has no fast form: add its tokenizer.json")
    return tokenizer


def _family(config: Mapping[str, Any], source: str) -> _Family:
    names = config.get("architectures")
    name: Any = cast("list[Any]", names)[0] if isinstance(names, list) and names else None
    for family in _FAMILIES:
        if isinstance(name, str) and family.matches(name):
            return family
    raise InputError(
        f"{source} names the architecture {name!r}: CLIPTextModel, BertModel, or a T5 or CLAP "
        "model was expected"
    )


def _construct(
    family: _Family, config: Mapping[str, Any], options: dict[str, Any], source: str
) -> Any:  # noqa: ANN401
    """The model."""
    try:
        # A whole CLAP keeps its text half's settings one level down.
        kept = known_settings(
            family.model.config_class, {**config, **config.get("text_config", {})}
        )
        return family.model(family.model.config_class(**kept), **options)
    except NONSENSE as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{source} has a configuration that makes no sense: {reason}") from error


def known_settings(kind: Any, described: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401
    """Those settings that a configuration's class knows; others could make it fetch code.

    Args:
        kind: a configuration class of transformers.
        described: content of its `config.json`.
    """
    known = {field.name for field in dataclasses.fields(kind)}
    return {name: described[name] for name in (known & set(described)) - _NOT_SETTINGS}


def _options(family: _Family, state: Mapping[str, Tensor]) -> dict[str, Any]:
    # BERT's pooler plays no part in `last_hidden_state`, and many files do without it.
    if family.model is BertModel:
        return {"add_pooling_layer": any(name.startswith("pooler.") for name in state)}
    return {}


def _renamed(family: _Family, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights under today's names, without those of other parts."""
    named = {
        name.removeprefix(family.prefix): tensor
        for name, tensor in state.items()
        if not name.startswith(family.foreign)
    }
    # T5 stores its token table once, under either name.
    for name, other in (_T5_TABLE, _T5_TABLE[::-1]):
        if family.model is T5EncoderModel and name not in named and other in named:
            named[name] = named[other]
    return named


def _matched(
    expected: Mapping[str, Tensor], state: Mapping[str, Tensor], source: str
) -> dict[str, Tensor]:
    """`state` without position buffers, if it has every weight the model wants and no other."""
    state = _without_positions(state)
    expected = _without_positions(expected)
    _refuse(source, "lacks the weights", expected.keys() - state.keys())
    _refuse(source, "has weights that belong to no layer", state.keys() - expected.keys())
    wrong = [name for name in state if state[name].shape != expected[name].shape]
    _refuse(source, "has weights of another size than its configuration says", wrong)
    return state


def _without_positions(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: state[name] for name in state if not name.endswith(_POSITION_BUFFERS)}


def _refuse(source: str, complaint: str, names: Iterable[str]) -> None:
    found = sorted(names)
    if found:
        shown = ", ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
        raise InputError(f"{source} {complaint}: {shown}; fetch the model again")
