"""The model that a run holds: loaded once it is needed, by one program at a time, and what there is to say of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from xling_bench.evaluation.run_file import agree_on_budget
from xling_bench.models.backend import Backend
from xling_bench.models.chat import NOTE, asks_the_date
from xling_bench.models.config import ModelConfig, Provenance
from xling_bench.models.load import load
from xling_bench.models.tokens import check_end, ignored_settings, odd_joiner


class HeldModel:
    """`lm` is the model, None before it is loaded, and `program` what holds it. Each note is said once."""

    def __init__(self, config: ModelConfig, output: Path, say: Callable[[str], None]) -> None:
        self.config, self.output, self.say = config, output, say
        self.lm: Backend | None = None
        self.program = ""
        self.load = load  # several processes load together: launch.py
        self.said: set[str] = set()

    @property
    def loaded(self) -> Backend:
        """The model, which is loaded."""
        assert self.lm is not None  # noqa: S101 - nothing is computed before
        return self.lm

    def take(self, program: str, *, generates: bool, joiners: Sequence[str], claim: Callable[[], None]) -> None:
        """Have the model held by `program`; `claim` is called when it is loaded, and may refuse.

        `generates`: some task of this program does; `joiners` stand between demonstrations. Raises ModelError for a
        model that cannot be loaded, or whose generated texts would not end.
        """
        if self.lm is not None and self.program == program:
            return
        if self.lm is None:
            from xling_bench.harness.adapter import forget_data

            forget_data()  # an earlier run of this process may have read other files
        else:
            self.lm.close()
            self.lm = None
        self.say(f"loading {self.config.name}" + (f" with {program}" if self.config.begins == "vllm" else ""))
        lm = self.load(self.config, program)
        if self.config.chat_template and asks_the_date(lm.tokenizer):
            self.note(NOTE)
        self.note(*lm.notes, *(said for joiner in joiners if (said := odd_joiner(lm.tokenizer, joiner))))
        if generates:
            check_end(lm, self.config.name)
            if ignored := ignored_settings(lm):
                self.note(f"decoding is greedy: generation_config.json's {', '.join(ignored)} are not applied")
        claim()  # another process may have claimed the folder for another model meanwhile
        self.lm, self.program = lm, program
        self._share_budget()

    def note(self, *notes: str) -> None:
        """Say what has not been said yet."""
        for note in notes:
            if note not in self.said:
                self.said.add(note)
                self.say(f"note: {note}")

    def note_ranking(self, ranking: Provenance) -> None:
        """Say how candidates were ranked where it is not the usual way."""
        if ranking.get("why"):
            self.note(f"candidates were ranked by lm-eval's own code, which is slow: {ranking['why']}")
        if ranking.get("halved"):
            self.say(f"note: memory did not suffice: {ranking['token_budget']} tokens are computed at once from now on")
            self._share_budget(changed=True)

    def _share_budget(self, *, changed: bool = False) -> None:
        """Use the token budget of this folder's run, or tell it of another one: found out, or chosen by the user."""
        lm = self.loaded
        if (mine := lm.token_budget) is not None:
            device, chosen = lm.circumstances()["device"], self.config.token_budget is not None
            budget, before = agree_on_budget(self.output, device, mine, change=changed or chosen)
            lm.use_token_budget(budget)
            if chosen and before not in (None, mine):
                self.say(f"note: token budget {mine}; results here with {before} may differ in their last digits")
