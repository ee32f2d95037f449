"""Rival systems behind one interface, so that the paper's tables can be filled.

Importing the package loads no network code: what is named here comes when it is used.
"""

from typing import TYPE_CHECKING

from auffusion.lazy import lazy_names

if TYPE_CHECKING:
    from auffusion.baselines.bulk import ListedSound as ListedSound
    from auffusion.baselines.bulk import generate_list as generate_list
    from auffusion.baselines.catalogue import BASELINES as BASELINES
    from auffusion.baselines.catalogue import BaselineEntry as BaselineEntry
    from auffusion.baselines.catalogue import find_baseline as find_baseline
    from auffusion.baselines.contract import Baseline as Baseline
    from auffusion.baselines.contract import Rival as Rival
    from auffusion.baselines.loading import LoadedBaseline as LoadedBaseline
    from auffusion.baselines.loading import load_baseline as load_baseline
    from auffusion.baselines.sampling import Sampling as Sampling

_HOMES = {
    "ListedSound": "auffusion.baselines.bulk",
    "generate_list": "auffusion.baselines.bulk",
    "BASELINES": "auffusion.baselines.catalogue",
    "BaselineEntry": "auffusion.baselines.catalogue",
    "find_baseline": "auffusion.baselines.catalogue",
    "Baseline": "auffusion.baselines.contract",
    "Rival": "auffusion.baselines.contract",
    "Sampling": "auffusion.baselines.sampling",
    "LoadedBaseline": "auffusion.baselines.loading",
    "load_baseline": "auffusion.baselines.loading",
}

__getattr__ = lazy_names(__name__, _HOMES)
