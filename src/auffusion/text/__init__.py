"""Prompt to embedding."""

from auffusion.text.adapter import ConditionAdapter as ConditionAdapter
from auffusion.text.alignment import Alignment as Alignment
from auffusion.text.alignment import AlignmentKind as AlignmentKind
from auffusion.text.alignment import align_prompts as align_prompts
from auffusion.text.alignment import swapped_words as swapped_words
from auffusion.text.encoder import EncodedPrompts as EncodedPrompts
from auffusion.text.encoder import PromptCutWarning as PromptCutWarning
from auffusion.text.encoder import TextBranch as TextBranch
from auffusion.text.encoder import TextEncoder as TextEncoder
from auffusion.text.loading import build_text_encoder as build_text_encoder
from auffusion.text.loading import load_text_encoder as load_text_encoder
from auffusion.text.loading import load_tokenizer as load_tokenizer
from auffusion.text.weighted_prompt import WeightedPrompt as WeightedPrompt
from auffusion.text.weighted_prompt import weighted_prompt as weighted_prompt
from auffusion.text.words import Word as Word
from auffusion.text.words import WordWeights as WordWeights
from auffusion.text.words import equaliser as equaliser
from auffusion.text.words import span_rows as span_rows
from auffusion.text.words import spans_of as spans_of
from auffusion.text.words import word_rows as word_rows
from auffusion.text.words import word_tokens as word_tokens
