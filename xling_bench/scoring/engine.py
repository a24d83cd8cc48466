"""The engine: a prefix tree of requests in, log-likelihoods out."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from xling_bench.core.errors import ModelError
from xling_bench.scoring.decoder import Decoder, KeyValues, Prefix
from xling_bench.scoring.schedule import MAX_ROW, Row, make_plan
from xling_bench.scoring.tree import PrefixTree

# Tokens that a forward pass of its own must save: about what a pass costs besides its tokens.
WORTH = {"cpu": 128, "device": 2048}


class Score(NamedTuple):
    """The log-likelihood of a request's `tokens` scored tokens, and whether each of them was the likeliest."""

    sum: float
    greedy: bool
    tokens: int


@dataclass
class Engine:
    """Scores prefix trees with a `decoder`, about `budget` tokens at a time.

    Where memory does not suffice the budget becomes half of what was tried, for good, and the work goes on; `halved`
    counts that. Batches are a function of requests, model width, `budget`, `worth` (tokens that a forward pass of its
    own must save; default by the kind of device) and `most` (tokens of a row of several branches). `share` (k, n)
    computes every n-th batch only, from the k-th: the others' scores are then missing from the result (see
    `parallel.py`). `computed` counts tokens.
    """

    decoder: Decoder
    budget: int
    worth: int | None = None
    most: int = MAX_ROW
    share: tuple[int, int] = (0, 1)
    halved: int = 0
    computed: int = 0

    def score(self, tree: PrefixTree, tick: Callable[[int], None] = lambda _: None) -> list[Score]:
        """One score per request, in their order. `tick` is told how many tokens were scored, for a progress bar.

        Raises ModelError when memory does not suffice for one document alone.
        """
        return self.work(tree, tick).scores()

    def work(self, tree: PrefixTree, tick: Callable[[int], None] = lambda _: None) -> Work:
        """Compute this engine's share of the batches."""
        work = Work(tree, tick)
        worth = self.worth or WORTH["cpu" if self.decoder.device.type == "cpu" else "device"]
        plan = list(make_plan(tree, self.decoder.width, worth, self.most).walk())
        trunks = [Row(trunk.nodes, [len(trunk.nodes)] * len(trunk.nodes)) for trunk in plan]
        work.ask(trunks)
        work.ask([row for trunk in plan for row in trunk.rows])
        budget, turn = self.budget, 0
        path: list[KeyValues] = []
        with self.decoder.ready():
            for trunk, row in zip(plan, trunks, strict=True):
                del path[trunk.depth :]  # keys and values that are not needed any more
                if self.share[0]:
                    row.asked = []  # everybody computes trunks, the first one reads them off
                path.append(self._trunk(row, path[-1] if path else [], work))
                for rows in batches(trunk.rows, budget):
                    if turn % self.share[1] == self.share[0]:
                        self._rows(rows, path[-1], work)
                    turn += 1
        return work

    def _trunk(self, row: Row, before: KeyValues, work: Work) -> KeyValues:
        if not row.nodes:
            return before
        prefix = Prefix(before, keep=True)
        try:
            self._forward([row], prefix, work)
        except Exception as error:
            if not out_of_memory(error):
                raise
            raise ModelError(f"memory does not suffice for {len(row.nodes)} tokens of demonstrations.") from error
        return prefix.kept

    def _rows(self, rows: list[Row], before: KeyValues, work: Work) -> None:
        """Compute rows together, or in halves where memory does not suffice."""
        longest = max(len(row.nodes) for row in rows)
        if len(rows) > 1 and len(rows) * longest > self.budget:  # planned before the budget was halved
            fitting = max(1, self.budget // longest)
            parts = [rows[start : start + fitting] for start in range(0, len(rows), fitting)]
        else:
            try:
                return self._forward(rows, Prefix(before, keep=False), work)
            except Exception as error:
                if not out_of_memory(error):
                    raise
                if len(rows) == 1:
                    raise ModelError(f"memory does not suffice for one document of {longest} tokens.") from error
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            self.budget = max(1, min(self.budget, len(rows) * longest) // 2)
            self.halved += 1
            parts = [rows]
        for part in parts:
            self._rows(part, before, work)
        return None

    def _forward(self, rows: list[Row], prefix: Prefix, work: Work) -> None:
        device = self.decoder.device
        tokens, positions, ends = (torch.from_numpy(part).to(device) for part in work.inputs(rows))
        hidden = self.decoder.run(tokens, positions, ends, prefix)
        self.computed += sum(len(row.nodes) for row in rows)
        places, edges, nodes = work.edges(rows, tokens.shape[1])
        if nodes:
            chosen = hidden.reshape(-1, hidden.shape[-1])[torch.tensor(places, device=device)]
            wanted = torch.from_numpy(work.tokens[nodes]).to(device)
            work.take(nodes, *self.decoder.head.score(chosen, torch.tensor(edges, device=device), wanted))


class Work:
    """The scores of one tree in the making: `values` and `greedy` by node."""

    def __init__(self, tree: PrefixTree, tick: Callable[[int], None]) -> None:
        self.tree, self.tick = tree, tick
        self.tokens = np.array(tree.tokens, dtype=np.int64)
        self.depths = np.array(tree.depths, dtype=np.int64)
        self.values = np.zeros(len(tree), dtype=np.float64)
        self.greedy = np.zeros(len(tree), dtype=bool)
        self.wanted: dict[int, list[int]] = {}  # node: its children whose log-probabilities are wanted
        for node, scored in enumerate(tree.scored):
            if scored:
                self.wanted.setdefault(tree.parents[node], []).append(node)
        self.waiting = dict(self.wanted)

    def inputs(self, rows: list[Row]) -> tuple[Any, Any, Any]:
        """Tokens, positions and ends of subtrees, (B, T); padding sees the prefix and itself."""
        shape = (len(rows), max(len(row.nodes) for row in rows))
        tokens, positions = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        ends = np.tile(np.arange(1, shape[1] + 1), (shape[0], 1))
        for place, row in enumerate(rows):
            nodes = np.array(row.nodes)
            tokens[place, : len(nodes)], positions[place, : len(nodes)] = self.tokens[nodes], self.depths[nodes]
            ends[place, : len(nodes)] = row.ends
        return tokens, positions, ends

    def ask(self, rows: list[Row]) -> None:
        """Decide which row each wanted log-probability is read off."""
        for row in rows:
            row.asked = [index for index, node in enumerate(row.nodes) if self.waiting.pop(node, None)]

    def edges(self, rows: list[Row], length: int) -> tuple[list[int], list[int], list[int]]:
        """What is to be read off: places in the flattened batch; for each wanted node its place's index; the nodes."""
        places = [number * length + column for number, row in enumerate(rows) for column in row.asked]
        asked = [row.nodes[column] for row in rows for column in row.asked]
        index = [place for place, node in enumerate(asked) for _ in self.wanted[node]]
        return places, index, [child for node in asked for child in self.wanted[node]]

    def take(self, nodes: list[int], values: torch.Tensor, greedy: torch.Tensor) -> None:
        """Note the scores of nodes."""
        self.values[nodes], self.greedy[nodes] = values.cpu().numpy(), greedy.cpu().numpy()
        self.tick(len(nodes))

    def scores(self) -> list[Score]:
        """Sums over each request's nodes."""

        def score(nodes: array[int]) -> Score:
            return Score(float(self.values[nodes].sum()), bool(self.greedy[nodes].all()), len(nodes))

        return [score(nodes) for nodes in self.tree.requests]


def batches(rows: list[Row], budget: int) -> Iterator[list[Row]]:
    """Rows of like length, the longest first (memory runs out at once or never), as many as the budget allows.

    A row counts as long as it is padded; one alone may exceed the budget.
    """
    batch: list[Row] = []
    for row in sorted(rows, key=lambda row: (-len(row.nodes), row.nodes)):
        if batch and (len(batch) + 1) * len(batch[0].nodes) > budget:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory did not suffice, on an accelerator or not."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
