"""The words an option may take."""

from enum import StrEnum


class Device(StrEnum):
    """Where the networks run."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    MPS = "mps"


class Precision(StrEnum):
    """Numbers the networks count with; the vocoder always counts in float32."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"


class Sampler(StrEnum):
    """The names in `auffusion.denoise.SCHEDULERS`, which is too heavy to import for a help page."""

    DDPM = "ddpm"
    DDIM = "ddim"
    PNDM = "pndm"
    DPM = "dpm++"
    UNIPC = "unipc"
    EULER = "euler"
    EULER_ANCESTRAL = "euler-a"
    LCM = "lcm"


class FileKind(StrEnum):
    """Sound files that are written."""

    WAV = "wav"
    FLAC = "flac"


class Stage(StrEnum):
    """How far a sound goes before it comes back."""

    MEL = "mel"
    IMAGE = "image"
    LATENT = "latent"


class Inversion(StrEnum):
    """How a recording is walked back to noise; the names in `auffusion.pipeline.inversion`."""

    DDPM = "ddpm"
    NULL_TEXT = "null-text"
    DDIM = "ddim"


class Where(StrEnum):
    """Who does the work."""

    LOCAL = "local"
    RAY = "ray"
    HERE = "here"


class Cached(StrEnum):
    """What a cache holds."""

    LATENTS = "latents"
    TEXT = "text"
    BOTH = "both"


class Split(StrEnum):
    """The parts of a data set."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class Trained(StrEnum):
    """What can be trained."""

    DIFFUSION = "diffusion"
    VAE = "vae"
    LORA = "lora"
    DISTIL = "distil"
    VOCODER = "vocoder"


class Written(StrEnum):
    """How a comparison is written."""

    TEXT = "text"
    MARKDOWN = "markdown"
    LATEX = "latex"
    JSON = "json"


class Rows(StrEnum):
    """What stands in the rows of an attention picture."""

    MODEL = "model"
    LAYER = "layer"
    STEP = "step"
    HEAD = "head"


class Place(StrEnum):
    """Parts of a U-Net."""

    DOWN = "down"
    MID = "mid"
    UP = "up"


class MapColours(StrEnum):
    """The names in `auffusion.attention.picture.MapScale`."""

    RELATIVE = "relative"
    SHARE = "share"
    OWN = "own"
