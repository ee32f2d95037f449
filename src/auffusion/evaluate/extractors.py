"""The table of feature extractors, by the names that protocols call them."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from auffusion.errors import InputError
from auffusion.evaluate.aisfx import AisfxExtractor
from auffusion.evaluate.cnn14 import CNN14_16K, CNN14_32K, Cnn14Config, Cnn14Extractor
from auffusion.evaluate.extractor import FeatureExtractor
from auffusion.evaluate.hearing import AUDIOLDM_EVAL, Hearing, av_bench
from auffusion.evaluate.passt import PasstExtractor
from auffusion.evaluate.vggish import VggishConfig, VggishExtractor
from auffusion.evaluate.weights import CLAP, WeightsPlace, find_file, find_repository
from auffusion.evaluate.windowed_extractor import WindowedExtractor, Windows


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


def _cnn14(weights: str, config: Cnn14Config, hearing: Hearing = AUDIOLDM_EVAL) -> "Maker":
    def make(name: str, choice: Choice) -> FeatureExtractor:
        found = find_file(weights, choice.place)
        heard = replace(hearing, sample_rate=config.sample_rate)
        return Cnn14Extractor(name, found, config, hearing=heard, device=choice.device)

    return make


def _vggish(config: VggishConfig, hearing: Hearing = AUDIOLDM_EVAL) -> "Maker":
    def make(name: str, choice: Choice) -> FeatureExtractor:
        found = find_file("vggish", choice.place)
        return VggishExtractor(name, found, config, hearing=hearing, device=choice.device)

    return make


def _passt(seconds: int) -> "Maker":
    def make(name: str, choice: Choice) -> FeatureExtractor:
        found = find_file("passt", choice.place)
        hearing = av_bench(32_000, seconds=seconds, shortest=320_000)
        return PasstExtractor(name, found, hearing, device=choice.device)

    return make


def _windowed_passt(hearing: Hearing, windows: Windows, gain: float = 1.0) -> "Maker":
    def make(name: str, choice: Choice) -> FeatureExtractor:
        inner = _passt(10)(name, choice)
        return WindowedExtractor(name, inner, hearing, windows, gain=gain)

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
    "cnn14-16k": _cnn14("cnn14-16k", CNN14_16K),
    "cnn14-32k": _cnn14("cnn14-32k", CNN14_32K),
    "cnn14-av-bench": _cnn14("cnn14-16k", CNN14_16K, av_bench(16_000, seconds=8)),
    "passt": _passt(10),
    "passt-av-bench": _passt(8),
    "passt-stable-audio": _windowed_passt(
        Hearing(sample_rate=32_000, normalise_peak=True),
        Windows(length=320_000, hop=160_000, overlapping=True, filled=True),
        gain=10 ** (-1 / 20),
    ),
    "passt-audiocraft": _windowed_passt(
        Hearing(sample_rate=32_000), Windows(length=320_000, hop=320_000, shortest=4_801)
    ),
    "vggish": _vggish(VggishConfig()),
    "vggish-av-bench": _vggish(VggishConfig(), av_bench(16_000, seconds=8)),
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
- `passt`: PaSST of the first ten seconds, silence behind shorter sounds.
- `cnn14-av-bench`, `passt-av-bench`, `vggish-av-bench`: as av-benchmark has them, of the first
  eight seconds.
- `passt-stable-audio`, `passt-audiocraft`: PaSST of all of a sound, in windows as those suites cut
  them.
- `vggish`: audioldm_eval's FAD; `vggish-relu`: torchvggish as it comes; `vggish-overlapping`:
  Google's FAD, whose examples begin every half second.
- `clap`: the paper's CLAP score, of the first ten seconds and with silence behind shorter sounds;
  `clap-centre` hears the middle ten, `clap-repeat` repeats shorter sounds as the hub's settings
  say, `clap-strict` hears all.
- `aisfx`: trained weights that a package index has.
"""
