"""Every baseline by name: the eight of the paper's Table 1, and what came after."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from auffusion.baselines.sampling import Sampling
from auffusion.errors import InputError
from auffusion.hub import Needed

NON_COMMERCIAL = "CC BY-NC-SA 4.0"


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A published model on the hub."""

    id: str
    """Its name there; empty for what nobody has published."""
    needed: Needed
    """Those of its files that are read."""


@dataclass(frozen=True, kw_only=True)
class BaselineEntry:
    """What is known of a baseline before it is loaded."""

    name: str
    """As commands and `load_baseline` take it."""
    title: str
    """As tables call it; the paper's row where it has one."""
    license: str
    """Of the published weights."""
    home: str
    """Module and function that load it, which import more than a list should."""
    weights: Repository
    """Its own files."""
    size_gb: float
    """Of what is fetched, companions with it; 0 where nothing is published."""
    sampling: Sampling
    """As the paper, or else its authors, ran it."""
    longest_s: float
    """Seconds that it can make."""
    companions: Mapping[str, Repository] = field(default_factory=dict[str, Repository])
    """Models by others that it speaks through, by the name of their folder beside the weights."""

    def choose(
        self,
        *,
        steps: int | None = None,
        guidance: float | None = None,
        length_s: float | None = None,
    ) -> Sampling:
        """The sampling with what differs from its default.

        Raises:
            InputError: a number out of range, or one that this system does not have.
        """
        if steps is not None and self.sampling.steps is None:
            raise InputError(f"{self.name} has no denoising steps: leave the number of steps out")
        asked = {"steps": steps, "guidance": guidance, "length_s": length_s}
        chosen = replace(self.sampling, **{n: v for n, v in asked.items() if v is not None})
        if chosen.length_s > self.longest_s:
            raise InputError(
                f"{self.name} makes sounds of up to {self.longest_s} s, not of {chosen.length_s} s"
            )
        return chosen


_TOKENIZER = ("tokenizer*.json", "spiece.model", "special_tokens_map.json")
_FLAN_T5 = Repository(
    # Its weights are inside the systems that use it.
    id="google/flan-t5-large",
    needed=Needed(files=["config.json", *_TOKENIZER]),
)
_T5 = Repository(
    id="google-t5/t5-large",
    needed=Needed(files=["config.json", "model.safetensors", *_TOKENIZER]),
)
_STABLE_DIFFUSION = Needed(
    files=["model_index.json"], folders=["vae", "unet", "scheduler", "text_encoder", "tokenizer"]
)
_AUDIOLDM = Needed(
    files=["model_index.json"],
    folders=[
        "vae",
        "unet",
        "scheduler",
        "text_encoder*",
        "tokenizer*",
        "vocoder",
        "[lp]*_model",
        "feature*",
    ],
)
_TANGO = Needed(files=["*_config.json", "pytorch_model_main.bin", "pytorch_model_vae.bin"])

_ENTRIES = (
    BaselineEntry(
        name="riffusion",
        title="Riffusion v1",
        license="CreativeML OpenRAIL-M",
        home="auffusion.baselines.rivals.riffusion:load",
        weights=Repository(id="riffusion/riffusion-model-v1", needed=_STABLE_DIFFUSION),
        size_gb=4.3,
        sampling=Sampling(steps=50, guidance=7.0, length_s=10.0),
        longest_s=20.48,
    ),
    BaselineEntry(
        name="riffusion-retrained",
        title="Riffusion",
        license="that of the data it was trained on",
        home="auffusion.baselines.rivals.riffusion:load_retrained",
        weights=Repository(id="", needed=_STABLE_DIFFUSION),
        size_gb=0.0,
        sampling=Sampling(steps=100, guidance=7.5, length_s=10.0),
        longest_s=20.48,
    ),
    BaselineEntry(
        name="audiogen-v2-medium",
        title="AudioGen-v2-medium",
        license="CC BY-NC 4.0",
        home="auffusion.baselines.rivals.audiogen:load",
        weights=Repository(
            id="facebook/audiogen-medium",
            needed=Needed(files=["state_dict.bin", "compression_state_dict.bin"]),
        ),
        size_gb=6.9,
        sampling=Sampling(steps=None, guidance=3.0, length_s=10.0),
        longest_s=10.0,
        companions={"t5-large": _T5},
    ),
    BaselineEntry(
        name="audioldm-s-full-v2",
        title="AudioLDM-S-full-v2",
        license=NON_COMMERCIAL,
        home="auffusion.baselines.rivals.audioldm:load",
        weights=Repository(id="cvssp/audioldm-s-full-v2", needed=_AUDIOLDM),
        size_gb=1.8,
        sampling=Sampling(steps=200, guidance=2.5, length_s=10.24),
        longest_s=40.96,
    ),
    BaselineEntry(
        name="audioldm-l-full",
        title="AudioLDM-L-full",
        license=NON_COMMERCIAL,
        home="auffusion.baselines.rivals.audioldm:load",
        weights=Repository(id="cvssp/audioldm-l-full", needed=_AUDIOLDM),
        size_gb=4.0,
        sampling=Sampling(steps=200, guidance=2.5, length_s=10.24),
        longest_s=40.96,
    ),
    BaselineEntry(
        name="audioldm2",
        title="AudioLDM2",
        license=NON_COMMERCIAL,
        home="auffusion.baselines.rivals.audioldm2:load",
        weights=Repository(id="cvssp/audioldm2", needed=_AUDIOLDM),
        size_gb=4.6,
        sampling=Sampling(steps=200, guidance=3.5, length_s=10.24),
        longest_s=40.96,
    ),
    BaselineEntry(
        name="audioldm2-large",
        title="AudioLDM2-large",
        license=NON_COMMERCIAL,
        home="auffusion.baselines.rivals.audioldm2:load",
        weights=Repository(id="cvssp/audioldm2-large", needed=_AUDIOLDM),
        size_gb=6.1,
        sampling=Sampling(steps=200, guidance=3.5, length_s=10.24),
        longest_s=40.96,
    ),
    BaselineEntry(
        name="tango",
        title="Tango",
        license=NON_COMMERCIAL,
        home="auffusion.baselines.rivals.tango:load",
        weights=Repository(id="declare-lab/tango", needed=_TANGO),
        size_gb=5.3,
        sampling=Sampling(steps=200, guidance=3.0, length_s=10.0),
        longest_s=10.24,
        companions={"flan-t5-large": _FLAN_T5},
    ),
    BaselineEntry(
        name="tango-full",
        title="Tango-Full",
        license=NON_COMMERCIAL,
        home="auffusion.baselines.rivals.tango:load",
        weights=Repository(id="declare-lab/tango-full", needed=_TANGO),
        size_gb=5.3,
        sampling=Sampling(steps=200, guidance=3.0, length_s=10.0),
        longest_s=10.24,
        companions={"flan-t5-large": _FLAN_T5},
    ),
    BaselineEntry(
        name="tangoflux",
        title="TangoFlux",
        license="non-commercial research, with Stability AI's Community License",
        home="auffusion.baselines.rivals.tangoflux:load",
        weights=Repository(
            id="declare-lab/TangoFlux",
            needed=Needed(files=["config.json", "tangoflux.safetensors", "vae.safetensors"]),
        ),
        size_gb=4.1,
        sampling=Sampling(steps=50, guidance=4.5, length_s=10.0),
        longest_s=29.9,
        companions={"flan-t5-large": _FLAN_T5},
    ),
)

BASELINES: Mapping[str, BaselineEntry] = {entry.name: entry for entry in _ENTRIES}
"""In the order of the paper's Table 1, then those beside the paper."""


def find_baseline(name: str) -> BaselineEntry:
    """The baseline of a name.

    Raises:
        InputError: there is none.
    """
    if name not in BASELINES:
        raise InputError(f"there is no baseline {name!r}: choose of {', '.join(BASELINES)}")
    return BASELINES[name]
