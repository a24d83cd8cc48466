"""The states of a sentence's tokens to one vector, without padding having a say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from xling_bench.core.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    import torch

Pooling = Literal["mean", "weighted", "last"]


def check_pooling(word: str) -> Pooling:
    """`mean`, `weighted` or `last`. Raises UsageError for anything else."""
    for known in get_args(Pooling):
        if word == known:
            return known  # type: ignore[no-any-return]  # one of a Literal's own arguments
    known = get_args(Pooling)
    raise UsageError(f"--pooling {word!r}:{did_you_mean(word, known)} Expected one of {', '.join(known)}.")


def token_weights(real: torch.Tensor, own: torch.Tensor, pooling: Pooling) -> torch.Tensor:
    """How much each token counts, float32 (B, T), a row's sum being 1.

    real: (B, T) bool, tokens that are no padding; own: (B, T) bool, those of them that the tokenizer did not add.
        mean      every token of the text's own alike: a begin token's state is an outlier in Gemma and Llama
        weighted  the i-th real token, counted from 1, weighs i (MEXA's program, after SGPT)
        last      the last real token, the only one of a causal model that has seen all others
    Padding may be on either side. A text that is nothing but added tokens is NaN by mean.
    """
    import torch

    if pooling == "mean":
        weights = own.float()
    elif pooling == "weighted":
        weights = (real.cumsum(1) * real).float()
    else:
        places = torch.arange(real.shape[1], device=real.device)
        last = (places * real).argmax(1, keepdim=True)  # (B, 1)
        weights = torch.zeros(real.shape, device=real.device).scatter_(1, last, 1.0)
    return weights / weights.sum(1, keepdim=True)  # (B, T)


def pool(states: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """The weighted sum of the tokens' states, float32 (B, D); what stands at tokens of weight 0 does not matter.

    states: (B, T, D), of any floating type; weights: (B, T), see `token_weights`.
    """
    seen = states.float().masked_fill((weights == 0)[:, :, None], 0.0)  # (B, T, D)
    return (weights[:, None, :] @ seen)[:, 0]  # (B, D)
