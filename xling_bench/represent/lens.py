"""The logit lens: what the output layer would say of a state in the middle of the model (nostalgebraist 2020)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from xling_bench.core.errors import ModelError, UnsupportedModelError
from xling_bench.represent.reader import Batches, Encoded, Reader, untrained
from xling_bench.represent.vocabulary import Vocabulary

Vectors = NDArray[np.float32]
Answers = Sequence[Sequence[Sequence[str]]]  # of each text, of each side, its words
ROWS = 32  # texts whose distribution over the vocabulary is computed at once
# How far the lens at the last layer may be from the model's own logits, of the largest of them.
TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-4}
HALF = 2e-2


class Lens(Reader):
    """Reads prompts: how likely each side's answers go on at every layer, by their first tokens (`Vocabulary`).

    A state of layer l goes through all that follows the last block (the final norm) and the output layer; the last
    layer's is after the norm already, so that its numbers are the model's own. Raises UnsupportedModelError for a model
    where they are not.
    """

    def __init__(self, lm: Any, name: str) -> None:
        super().__init__(lm, name, "last")
        whole = lm.model.get_base_model() if hasattr(lm.model, "peft_config") else lm.model
        self.whole, self.config = whole, whole.config.get_text_config()
        self.head = whole.get_output_embeddings()
        if self.head is None:
            raise UnsupportedModelError(f"model {name} has no output layer, so there is no logit lens.")
        self.dtype = next(self.body.parameters()).dtype
        self.vocabulary = Vocabulary(lm.tokenizer, name)
        self.answers: list[list[list[int]]] = []
        probe = torch.tensor([[lm.prefix_token_id] * 2], device=self.device)
        self.norm = final_norm(self.body, probe, name)
        self._check(probe)

    def ask(self, answers: Answers) -> None:
        """The words whose tokens are counted after each text that is read next. Raises UnsupportedModelError where the
        vocabulary has not one token for all the words of a side."""
        self.answers = [[self.vocabulary.starting(words) for words in sides] for sides in answers]
        for side in range(len(self.answers[0])):
            if not any(question[side] for question in self.answers):
                raise UnsupportedModelError(f"model {self.name}: none of its tokens begins any of the words, such as "
                                            f"{answers[0][side][0]!r}: there is nothing to count.")  # fmt: skip

    def encode(self, texts: Sequence[str], side: str) -> list[Encoded]:
        """Without an end token that the tokenizer adds: the answer is to go on."""
        found = []
        for text in super().encode(texts, side):
            if text.cut:
                raise UnsupportedModelError(f"model {self.name} takes {self.longest} tokens; the prompts are longer.")
            last = max(place for place, own in enumerate(text.own) if own) + 1
            found.append(Encoded(text.tokens[:last], text.own[:last], cut=False, count=text.count))
        return found

    def read(self, texts: Sequence[Encoded], batches: Batches, layers: Sequence[int]) -> Vectors:
        """Probabilities (texts, layers, sides) in the batches' order: the sums over the answers' first tokens."""
        states = super().read(texts, batches, layers)  # (texts, layers, D)
        asked = [self.answers[place] for places in batches for place in places]
        found = np.zeros((len(asked), len(layers), len(asked[0])), np.float32)
        for start in range(0, len(asked), ROWS):
            rows = slice(start, start + ROWS)
            for at, layer in enumerate(layers):
                scores, whole = self._scores(states[rows, at], layer)
                for row, question in enumerate(asked[rows]):
                    for side, tokens in enumerate(question):
                        likely = (scores[row, tokens] - whole[row]).exp()
                        found[start + row, at, side] = float(likely.double().sum())
        return found

    def _scores(self, states: Vectors, layer: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The vocabulary's logits, float32 (B, V), and the logarithm of the sum of their exponentials, (B,)."""
        with torch.inference_mode():
            logits = self.logits(torch.from_numpy(np.ascontiguousarray(states)), layer)
            if not bool(torch.isfinite(logits).all()):
                raise ModelError(f"model {self.name}: what its output layer says of layer {layer} is not finite; try "
                                 "--dtype float32.")  # fmt: skip
            return logits, logits.logsumexp(-1)

    def logits(self, states: torch.Tensor, layer: int) -> torch.Tensor:
        """What the output layer says of states (B, D) of a layer, float32 (B, V), scaled as the model scales it."""
        inner = states.to(self.device, self.dtype)[:, None]  # (B, 1, D)
        if layer != self.depth:
            inner = self.norm(inner)
        return scaled(self.head(inner)[:, 0].float(), self.config)

    def _check(self, ids: torch.Tensor) -> None:
        """Raise UnsupportedModelError unless the lens at the last layer is what the model itself says."""
        with torch.inference_mode():
            own = self.whole(input_ids=ids, use_cache=False).logits[:, -1].float()  # (1, V)
            last = self._hidden(ids, torch.ones_like(ids))[-1][:, -1]
            if last.shape[-1] != self.width:
                raise UnsupportedModelError(f"model {self.name}: its last layer is of another width; no logit lens.")
            apart = float((self.logits(last, self.depth) - own).abs().max() / own.abs().max().clamp_min(1e-6))
        if not apart <= TOLERANCE.get(self.dtype, HALF):
            raise UnsupportedModelError(f"model {self.name}: the logit lens at its last layer is not what it says "
                                        f"({apart:.0%} apart): it does more between its layers and its output than is "
                                        f"known of {type(self.whole).__name__}; leave out --latent.")  # fmt: skip


def scaled(logits: torch.Tensor, config: Any) -> torch.Tensor:
    """As models do after their output layer: Gemma 2's soft cap, Cohere's and Granite's factors."""
    if cap := getattr(config, "final_logit_softcapping", None):
        logits = cap * torch.tanh(logits / cap)
    if factor := getattr(config, "logit_scale", None):
        logits = logits * factor
    if divisor := getattr(config, "logits_scaling", None):
        logits = logits / divisor
    return logits


def final_norm(body: Any, ids: torch.Tensor, name: str) -> Callable[[torch.Tensor], torch.Tensor]:
    """What stands between the last block and the body's output, whatever its class calls it: the module that is no part
    of a block and whose output is the last hidden state. The identity where the last block's output is it.

    Raises UnsupportedModelError where it takes something else than the last block's output.
    """
    blocks = {module for each in body.modules() if isinstance(each, torch.nn.ModuleList) for module in each}
    inside = {module for block in blocks for module in block.modules()}
    seen: list[tuple[Any, Any, Any]] = []

    def watch(module: Any, given: tuple[Any, ...], output: Any) -> None:
        seen.append((module, given[0] if given else None, output[0] if isinstance(output, tuple) else output))

    hooks = [module.register_forward_hook(watch) for module in body.modules() if module is not body]
    try:
        with torch.inference_mode():
            last = body(input_ids=ids, output_hidden_states=True, use_cache=False).hidden_states[-1]
    finally:
        for hook in hooks:
            hook.remove()
    before = [output for module, _, output in seen if module in blocks][-1:]
    after = [(module, given) for module, given, output in seen if module not in inside and _same(output, last)]
    if not before or not (after or _same(before[0], last)) or (after and not _same(after[-1][1], before[0])):
        raise UnsupportedModelError(f"model {name}: what follows its last block ({type(body).__name__}) is not one "
                                    "norm; leave out --latent.")  # fmt: skip
    return after[-1][0] if after else torch.nn.Identity()


def _same(one: Any, other: torch.Tensor) -> bool:
    return isinstance(one, torch.Tensor) and one.shape == other.shape and torch.equal(one, other)


def random_of(lm: Any, name: str) -> SimpleNamespace:
    """The same model with weights that have learnt nothing, and its own tokenizer; without an adapter."""
    whole = lm.model.get_base_model() if hasattr(lm.model, "peft_config") else lm.model
    dtype = next(whole.parameters()).dtype
    model = untrained(type(whole), whole.config, lm.device, dtype, name)
    facts: Mapping[str, Any] = {"tokenizer": lm.tokenizer, "device": lm.device, "max_length": lm.max_length,
                                "prefix_token_id": lm.prefix_token_id}  # fmt: skip
    return SimpleNamespace(model=model, **facts)
