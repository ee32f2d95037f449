"""Waveforms to numbers: the metrics, what they are measured with, and how sure they are.

Importing the package loads neither torch nor a network: what is named here comes when it is used.
"""

from typing import TYPE_CHECKING

from auffusion.lazy import lazy_names

if TYPE_CHECKING:
    from auffusion.evaluate.comparing import compare as compare
    from auffusion.evaluate.divergence import kl_divergence as kl_divergence
    from auffusion.evaluate.evaluating import Conditions as Conditions
    from auffusion.evaluate.evaluating import Means as Means
    from auffusion.evaluate.evaluating import evaluate as evaluate
    from auffusion.evaluate.extractor import FeatureExtractor as FeatureExtractor
    from auffusion.evaluate.extractors import load_extractor as load_extractor
    from auffusion.evaluate.frechet import GaussianStatistics as GaussianStatistics
    from auffusion.evaluate.frechet import frechet_distance as frechet_distance
    from auffusion.evaluate.inception import inception_score as inception_score
    from auffusion.evaluate.kernel import kernel_distance as kernel_distance
    from auffusion.evaluate.protocol import read_protocol as read_protocol
    from auffusion.evaluate.result import Result as Result
    from auffusion.evaluate.result import read_result as read_result

_HOMES = {
    "compare": "auffusion.evaluate.comparing",
    "kl_divergence": "auffusion.evaluate.divergence",
    "Conditions": "auffusion.evaluate.evaluating",
    "Means": "auffusion.evaluate.evaluating",
    "evaluate": "auffusion.evaluate.evaluating",
    "FeatureExtractor": "auffusion.evaluate.extractor",
    "load_extractor": "auffusion.evaluate.extractors",
    "GaussianStatistics": "auffusion.evaluate.frechet",
    "frechet_distance": "auffusion.evaluate.frechet",
    "inception_score": "auffusion.evaluate.inception",
    "kernel_distance": "auffusion.evaluate.kernel",
    "read_protocol": "auffusion.evaluate.protocol",
    "Result": "auffusion.evaluate.result",
    "read_result": "auffusion.evaluate.result",
}

__getattr__ = lazy_names(__name__, _HOMES)
