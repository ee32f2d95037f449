"""Moved to `auffusion.studio.settings`; here until nothing looks for it under its old name."""

from auffusion.studio.settings import EDITED as EDITED
from auffusion.studio.settings import FAST_STEPS as FAST_STEPS
from auffusion.studio.settings import GENERATE as GENERATE
from auffusion.studio.settings import HIGHEST_SEED as HIGHEST_SEED
from auffusion.studio.settings import NOTE as NOTE
from auffusion.studio.settings import Record as Record
from auffusion.studio.settings import Settings as Settings
from auffusion.studio.settings import UsedEdit as UsedEdit
from auffusion.studio.settings import UsedLora as UsedLora
from auffusion.studio.settings import UsedRecording as UsedRecording
from auffusion.studio.settings import digest as digest
