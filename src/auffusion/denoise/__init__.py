"""Noise to latent: one loop, and what wraps its parts."""

from auffusion.denoise.guidance import ClassifierFreeGuidance as ClassifierFreeGuidance
from auffusion.denoise.guidance import UnetCall as UnetCall
from auffusion.denoise.guidance import rescale_guided as rescale_guided
from auffusion.denoise.guidance import unet_call as unet_call
from auffusion.denoise.loop import Predictor as Predictor
from auffusion.denoise.loop import Scheduler as Scheduler
from auffusion.denoise.loop import StepHook as StepHook
from auffusion.denoise.loop import denoise as denoise
from auffusion.denoise.noise import item_generators as item_generators
from auffusion.denoise.noise import item_seeds as item_seeds
from auffusion.denoise.noise import noise_from as noise_from
from auffusion.denoise.noise import seeded_noise as seeded_noise
from auffusion.denoise.schedulers import SCHEDULERS as SCHEDULERS
from auffusion.denoise.schedulers import SeededScheduler as SeededScheduler
from auffusion.denoise.schedulers import make_scheduler as make_scheduler
from auffusion.denoise.windowed import Windowed as Windowed
