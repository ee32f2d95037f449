"""The table of feature extractors, by the names that protocols call them."""

from collections.abc import Callable
from dataclasses import dataclass, field

from auffusion.errors import InputError
from auffusion.evaluate.aisfx import AisfxExtractor
from auffusion.evaluate.cnn14 import CNN14_16K, CNN14_32K, Cnn14Config, Cnn14Extractor
from auffusion.evaluate.extractor import FeatureExtractor
from auffusion.evaluate.vggish import VggishConfig, VggishExtractor
from auffusion.evaluate.weights import CLAP, WeightsPlace, find_file, find_repository


@dataclass(frozen=True, kw_only=True)
class Choice:
    """How an extractor is made."""

    place: WeightsPlace = field(default_factory=WeightsPlace)
    """Where its weights are looked for."""
    device: str = "cpu"
    """Where its network runs."""


def load_extractor(name: str, choice: Choice | None = None) -> FeatureExtractor:
    """An extractor with its published weights, whose hash is checked now.

    Args:
        name: a key of `EXTRACTORS`.
        choice: where its weights are looked for and where it runs.

    Raises:
        InputError: there is no such extractor, or its weights are not here.
    """
    if name not in EXTRACTORS:
        raise InputError(f"there is no extractor '{name}': choose one of {', '.join(EXTRACTORS)}")
    return EXTRACTORS[name](name, choice or Choice())


def _cnn14(config: Cnn14Config) -> "Maker":
    def make(name: str, choice: Choice) -> FeatureExtractor:
        found = find_file(name, choice.place)
        return Cnn14Extractor(name, found, config, device=choice.device)

    return make


def _vggish(config: VggishConfig) -> "Maker":
    def make(name: str, choice: Choice) -> FeatureExtractor:
        found = find_file("vggish", choice.place)
        return VggishExtractor(name, found, config, device=choice.device)

    return make


def _aisfx(name: str, choice: Choice) -> FeatureExtractor:
    return AisfxExtractor(name, find_file("aisfx", choice.place), device=choice.device)


def _clap(padding: str, listening: str) -> "Maker":
    def make(name: str, choice: Choice) -> FeatureExtractor:
        # transformers takes seconds to import, which other extractors need not wait for.
        from auffusion.evaluate.clap import (
            ClapConfiguration,
            ClapExtractor,
            Listening,
            Padding,
        )

        found = find_repository(CLAP, choice.place)
        config = ClapConfiguration(padding=Padding(padding), listening=Listening(listening))
        return ClapExtractor(name, found, config, device=choice.device)

    return make


Maker = Callable[[str, Choice], FeatureExtractor]

EXTRACTORS: dict[str, Maker] = {
    "cnn14-16k": _cnn14(CNN14_16K),
    "cnn14-32k": _cnn14(CNN14_32K),
    "vggish": _vggish(VggishConfig()),
    "vggish-relu": _vggish(VggishConfig(last_relu=True)),
    "vggish-overlapping": _vggish(VggishConfig(example_hop=50)),
    "clap": _clap("zero", "first"),
    "clap-centre": _clap("zero", "centre"),
    "clap-repeat": _clap("repeat", "first"),
    "clap-strict": _clap("repeat", "all"),
    "aisfx": _aisfx,
}
"""What makes each extractor.

- `cnn14-16k`, `cnn14-32k`: PANNs, for FD, KL and IS of audioldm_eval.
- `vggish`: audioldm_eval's FAD; `vggish-relu`: torchvggish as it comes; `vggish-overlapping`:
  Google's FAD, whose examples begin every half second.
- `clap`: the paper's CLAP score, of the first ten seconds and with silence behind shorter sounds;
  `clap-centre` hears the middle ten, `clap-repeat` repeats shorter sounds as the hub's settings
  say, `clap-strict` hears all.
- `aisfx`: trained weights that a package index has.
"""
