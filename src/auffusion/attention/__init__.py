"""Watch and change what a U-Net attends to."""

from auffusion.attention.controlled import controlled as controlled
from auffusion.attention.controller import AttentionController as AttentionController
from auffusion.attention.controller import AttentionSite as AttentionSite
from auffusion.attention.controller import Controllers as Controllers
from auffusion.attention.controller import Probabilities as Probabilities
from auffusion.attention.grounding import Grounding as Grounding
from auffusion.attention.grounding import grounding as grounding
from auffusion.attention.heatmap import AUFFUSION_AXES as AUFFUSION_AXES
from auffusion.attention.heatmap import TANGO_AXES as TANGO_AXES
from auffusion.attention.heatmap import Extent as Extent
from auffusion.attention.heatmap import Heatmap as Heatmap
from auffusion.attention.heatmap import LatentAxes as LatentAxes
from auffusion.attention.heatmap import pooled as pooled
from auffusion.attention.heatmap import word_heatmap as word_heatmap
from auffusion.attention.store import EVERYTHING as EVERYTHING
from auffusion.attention.store import AttentionStore as AttentionStore
from auffusion.attention.store import Selection as Selection
