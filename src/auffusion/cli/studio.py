"""Moved to `auffusion.studio.studio`; here until nothing looks for it under its old name."""

from auffusion.studio.studio import MadeSound as MadeSound
from auffusion.studio.studio import Studio as Studio
from auffusion.studio.studio import read_record as read_record
from auffusion.studio.studio import read_samples as read_samples
from auffusion.studio.studio import write_figure as write_figure
