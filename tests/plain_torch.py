"""Log-probabilities by plain torch: no lm-eval, no code of ours."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


class Reference:
    """Sum of log P(string | context) in float32, one string at a time."""

    def __init__(self, folder: Path) -> None:
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        first = self.tokenizer("x")["input_ids"][0]
        # The token before everything: the tokenizer's own (XGLM's </s>), else the beginning-of-sequence token.
        self.start = first if first in self.tokenizer.all_special_ids else self.tokenizer.bos_token_id
        self.adds_start = first == self.start

    def ids(self, text: str) -> list[int]:
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def score(self, context: str, text: str) -> float:
        start = [self.start] if self.adds_start or not context else []
        before = start + self.ids(context)
        tokens = start + self.ids(context + text)
        with torch.no_grad():
            logits = self.model(torch.tensor([tokens])).logits[0]
        log_probabilities = torch.log_softmax(logits.float(), dim=-1)
        return sum(float(log_probabilities[i - 1, tokens[i]]) for i in range(len(before), len(tokens)))
