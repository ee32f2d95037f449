"""Every data set that can be prepared, by name."""

from auffusion.data.listing import DataSet
from auffusion.data.preparers.audiocaps import AUDIOCAPS, AUDIOCAPS_V2
from auffusion.data.preparers.clotho import CLOTHO
from auffusion.data.preparers.embedded_sounds import EMBEDDED_SOUNDS
from auffusion.data.preparers.esc50 import ESC50
from auffusion.data.preparers.folder import FOLDER
from auffusion.data.preparers.fsd50k import FSD50K
from auffusion.data.preparers.gtzan import GTZAN
from auffusion.data.preparers.huggingface import HUGGINGFACE
from auffusion.data.preparers.macs import MACS
from auffusion.data.preparers.musical_instruments import MUSICAL_INSTRUMENTS
from auffusion.data.preparers.urbansound8k import URBANSOUND8K
from auffusion.data.preparers.vggsound import VGGSOUND
from auffusion.data.preparers.wavcaps import (
    WAVCAPS_AUDIOSET_SL,
    WAVCAPS_BBC,
    WAVCAPS_FREESOUND,
    WAVCAPS_SOUNDBIBLE,
)
from auffusion.errors import InputError

DATA_SETS: dict[str, DataSet] = {
    data_set.name: data_set
    for data_set in (
        AUDIOCAPS,
        AUDIOCAPS_V2,
        MACS,
        CLOTHO,
        ESC50,
        URBANSOUND8K,
        MUSICAL_INSTRUMENTS,
        GTZAN,
        WAVCAPS_BBC,
        WAVCAPS_FREESOUND,
        WAVCAPS_AUDIOSET_SL,
        WAVCAPS_SOUNDBIBLE,
        FSD50K,
        VGGSOUND,
        FOLDER,
        HUGGINGFACE,
        EMBEDDED_SOUNDS,
    )
}
"""In the order of the paper's Table 4, then those beside the paper."""


def find_data_set(name: str) -> DataSet:
    """The data set of a name.

    Raises:
        InputError: there is none.
    """
    if name not in DATA_SETS:
        raise InputError(f"there is no data set {name!r}: choose of {', '.join(DATA_SETS)}")
    return DATA_SETS[name]
