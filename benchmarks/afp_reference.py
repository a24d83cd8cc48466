"""AFP's step as a textbook has it, and random batches: what the benchmarks of training measure ours against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import cosine_similarity, cross_entropy

from xling_bench.training.batches import Sample, Tokens, padded, pairs
from xling_bench.training.objective import Objective


@dataclass(frozen=True)
class Batch:
    """What both get."""

    pairs: Tokens
    instructions: Tokens

    @staticmethod
    def random(
        vocabulary: int, pairs_: int, instructions: int, length: int, sentence: tuple[int, int] = (16, 48), *,
        shortest: int | None = None,
    ) -> Batch:  # fmt: skip
        """Sentences of 16 to 48 tokens; instructions of half to the whole of `length`, 60 % of each to be learnt.

        sentence: other lengths of sentences; shortest: the length of the shortest instruction.
        """
        draw = torch.Generator().manual_seed(0)

        def text(low: int, high: int) -> list[int]:
            size = int(torch.randint(low, high + 1, (1,), generator=draw))
            return [int(token) for token in torch.randint(3, vocabulary, (size,), generator=draw)]

        sides = [[text(*sentence) for _ in range(pairs_)] for _ in range(2)]
        texts = [text(shortest or length // 2, length) for _ in range(instructions)]
        return Batch(pairs(*sides), padded([Sample(ids, max(1, int(0.4 * len(ids)))) for ids in texts]))


def reference(
    model: Any, batch: Batch, chosen: Objective, softmax: torch.dtype = torch.float32
) -> tuple[torch.Tensor, Any]:
    """AFP's way to the loss; what it leaves alive comes too. softmax: what that of the vocabulary is computed in."""
    settings, given = chosen.settings(), batch.pairs
    outputs = model.base_model(
        input_ids=given.ids, attention_mask=given.mask, output_hidden_states=True, use_cache=False
    )
    states, mask = outputs.hidden_states[settings["layer"]], given.counted[..., None]
    one, two = ((states * mask).sum(1) / mask.sum(1)).chunk(2)
    scores = cosine_similarity(one[:, None], two[None], dim=-1) / settings["temperature"]  # (B, B, D) on the way
    mcl = cross_entropy(scores, torch.arange(len(scores), device=scores.device))
    given = batch.instructions
    labels = torch.full_like(given.ids, -100)
    labels.view(-1)[given.places + 1] = given.targets
    answers = model(input_ids=given.ids, attention_mask=given.mask, use_cache=False)
    logits = answers.logits[:, :-1].contiguous().to(softmax)
    cif = cross_entropy(logits.view(-1, logits.shape[-1]), labels[:, 1:].contiguous().view(-1))
    return settings["contrastive_weight"] * mcl + settings["instruction_weight"] * cif, (outputs, answers, logits)


def reference_gradient(model: Any, batch: Batch, chosen: Objective) -> None:
    """Forward and backward of the reference."""
    loss, _alive = reference(model, batch, chosen)
    loss.backward()


def reference_update(model: Any, optimiser: torch.optim.Optimizer, batch: Batch, chosen: Objective) -> None:
    """One step of the reference."""
    optimiser.zero_grad(set_to_none=True)
    reference_gradient(model, batch, chosen)
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
