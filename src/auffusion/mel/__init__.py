"""Waveform to log-mel."""

from auffusion.mel.difference import DB_A_NEPER as DB_A_NEPER
from auffusion.mel.difference import log_mel_error_db as log_mel_error_db
from auffusion.mel.filterbank import mel_filterbank as mel_filterbank
from auffusion.mel.spectrogram import MelConfig as MelConfig
from auffusion.mel.spectrogram import MelSpectrogram as MelSpectrogram
from auffusion.mel.spectrogram import normalise_peak as normalise_peak
