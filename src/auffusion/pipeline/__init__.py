"""The whole chain, and the folders it is kept in."""

from auffusion.hub import HubOptions as HubOptions
from auffusion.pipeline.convert import convert_checkpoint as convert_checkpoint
from auffusion.pipeline.edited import EditedRecording as EditedRecording
from auffusion.pipeline.hub import model_folder as model_folder
from auffusion.pipeline.identity import model_identity as model_identity
from auffusion.pipeline.output import AuffusionOutput as AuffusionOutput
from auffusion.pipeline.packed import pack_state as pack_state
from auffusion.pipeline.packed import unpack_state as unpack_state
from auffusion.pipeline.packing import save_packed as save_packed
from auffusion.pipeline.parts import load_vocoder as load_vocoder
from auffusion.pipeline.pipeline import AuffusionPipeline as AuffusionPipeline
from auffusion.pipeline.tiny import tiny_pipeline as tiny_pipeline
from auffusion.pipeline.tiny_published import write_tiny_published as write_tiny_published
