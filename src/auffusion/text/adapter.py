"""From a text encoder's features to those the U-Net attends to."""

from jaxtyping import Float
from torch import Tensor, nn


class ConditionAdapter(nn.Module):
    """LayerNorm of a linear map, token by token.

    The parameters are named as in the published `condition_adapter.pt`. A row of zeros does not
    stay zero: it becomes the constant row LayerNorm(`proj.bias`), which the U-Net was trained
    to see in place of padding.

    Args:
        condition_dim: features of the encoder's rows.
        cross_attention_dim: features of the U-Net's context.
    """

    def __init__(self, condition_dim: int, cross_attention_dim: int) -> None:
        super().__init__()
        self.proj = nn.Linear(condition_dim, cross_attention_dim)
        self.norm = nn.LayerNorm(cross_attention_dim, eps=1e-5)

    def forward(self, embeds: Float[Tensor, "*batch condition"]) -> Float[Tensor, "*batch feature"]:
        """Rows of `cross_attention_dim` features."""
        return self.norm(self.proj(embeds))
