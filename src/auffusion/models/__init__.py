"""Weights that ship with the package."""

from auffusion.models.location import embedded_model as embedded_model
