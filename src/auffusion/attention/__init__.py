"""Watch and change what a U-Net attends to."""

from auffusion.attention.controlled import controlled as controlled
from auffusion.attention.controller import AttentionController as AttentionController
from auffusion.attention.controller import AttentionSite as AttentionSite
from auffusion.attention.controller import Controllers as Controllers
from auffusion.attention.controller import Probabilities as Probabilities
