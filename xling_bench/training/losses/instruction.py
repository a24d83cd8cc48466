"""Cross-lingual instruction following: responses are learnt (AFP, Eq. 3); of whole texts it is causal LM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from xling_bench.training.losses.loss import Learn, Loss, Need, Weight

if TYPE_CHECKING:
    import torch

    from xling_bench.training.batches import Tokens
    from xling_bench.training.model import Network

Per = Literal["token", "sample"]
Average = Literal["update", "part"]


class Instruction(Loss):
    """L_CIF: the mean of -log P(token | tokens before it) over what is to be learnt; the output layer runs only there.

    weight  alpha; the paper chose among 1, 1.5 and 2
    per     what the sum over tokens is divided by. `token`: the number of tokens to be learnt, so that every token
            weighs the same (AFP's code). `sample`: the number of samples, L = E_(c, r) sum_j -log P(r_j | c, r_<j), as
            Eq. 3 is written: a long response weighs more, and the loss is larger by the mean response length, which
            alpha = 1.5 was not chosen for
    average what that is done over. `update`: all parts and processes of an update together, so that it does not matter
            how they are divided. `part`: each part of each process by itself, and the update's loss is the mean of
            these means, as AFP's code has it (src/decoder_models.py, `cl_forward`): a token counts more where few are
    """

    needs: ClassVar[Need] = "instructions"
    short_keys: ClassVar[bool] = True
    code: ClassVar[Mapping[str, Any]] = {"average": "part"}
    paper: ClassVar[Mapping[str, Any]] = {"per": "sample"}
    every_parameter: ClassVar[bool] = True

    weight: Weight = 1.5
    per: Per = "token"
    average: Average = "update"

    def __call__(self, network: Network, rows: Sequence[Tokens], divisor: float | None = None) -> torch.Tensor:
        """Rows, e.g. buckets, count as one batch; those with nothing to learn are not run. None in any is an error."""
        import torch

        sums = []
        for part in [part for part in rows if len(part.places)] or [rows[0].learnt()]:
            hidden = network.states(part).flatten(0, 1)[part.places]  # (M, D)
            sums.append(network.token_losses(hidden, part.targets))
        return torch.stack(sums).sum() / (divisor or self._counted(rows))

    def count(self, rows: Sequence[Tokens]) -> int | None:
        """Tokens to be learnt, or samples; None where a part's mean stands for itself."""
        return self._counted(rows) if self.average == "update" else None

    def _counted(self, rows: Sequence[Tokens]) -> int:
        return sum(len(part.places) if self.per == "token" else part.samples for part in rows)

    @property
    def unit(self) -> str:
        """Cross-entropy of what is learnt."""
        return f"nats per {self.per}"

    def describe(self, layers: int, learn: Learn) -> str:
        """What of a text is learnt, and per what."""
        return f"{'causal LM of whole texts' if learn == 'text' else 'loss of responses'} (per {self.per})"
