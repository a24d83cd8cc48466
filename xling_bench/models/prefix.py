"""The token a text begins with."""

from __future__ import annotations

from typing import Any


def natural_prefix(tokenizer: Any) -> int | None:
    """The special token the tokenizer puts before any text, or None.

    lm-eval conditions an empty context on bos; XGLM's tokenizer puts `</s>`, not bos, before every text, so that
    zero-shot and few-shot scoring would start from different tokens.
    """
    with_special = tokenizer("a")["input_ids"]
    plain = tokenizer("a", add_special_tokens=False)["input_ids"]
    # A text of unknown tokens begins with a special one, too: what stands before it counts.
    before = len(with_special) > len(plain) and with_special[: len(plain)] != plain
    return int(with_special[0]) if before and with_special[0] in tokenizer.all_special_ids else None


def first_token(tokenizer: Any) -> int | None:
    """What an empty prompt is conditioned on: `natural_prefix`, else the bos token, else the end token, else None."""
    found = natural_prefix(tokenizer), tokenizer.bos_token_id, tokenizer.eos_token_id
    return next((int(token) for token in found if token is not None), None)
