"""Latents wider than the training window, predicted in overlapping windows.

MultiDiffusion (Bar-Tal et al., arXiv 2302.08113).
"""

from torch import Tensor

from auffusion.denoise.loop import Predictor
from auffusion.latent import average_windows, window_starts
from auffusion.shapes import Latent


class Windowed:
    """A predictor for any width from one for windows.

    At every step each window is predicted on its own and the predictions are averaged with
    weights that fade over the overlap, so that neighbouring windows are pulled to one answer
    (Eq. 5 of the paper) and no column is a border. A latent that fits one window is
    passed on as it is.

    Args:
        predict_for_window: the predictor within the trained width.
        window: columns of a window.
        overlap: columns that neighbours share at least.

    Raises:
        InputError: an overlap that does not fit the window.
    """

    def __init__(self, predict_for_window: Predictor, window: int, overlap: int) -> None:
        window_starts(window, window, overlap)
        self.predict_for_window = predict_for_window
        self.window = window
        self.overlap = overlap

    def __call__(self, latent: Latent, timestep: Tensor) -> Latent:
        """The prediction for the whole width."""

        def predict(part: Tensor) -> Tensor:
            return self.predict_for_window(part, timestep)

        return average_windows(predict, latent, window=self.window, overlap=self.overlap)
