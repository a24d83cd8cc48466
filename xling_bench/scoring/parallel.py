"""Several processes, one run: the first one leads, the others compute their share of every batch list.

Only the leader reads data, writes files and talks; the others follow its commands. The batches are those that one
process would make, so that results are the same to the last bit however many processes there are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from enum import IntEnum
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from xling_bench.core.errors import ModelError, XlingError
from xling_bench.scoring.engine import Engine, Score, Work
from xling_bench.scoring.tree import PrefixTree


class Command(IntEnum):
    """What the leader asks for."""

    STOP = 0
    LOAD = 1
    SCORE = 2
    GENERATE = 3


Texts = Callable[[Sequence[Any]], list[str]]  # one batch of (context, settings) to its texts


class Team:
    """The processes of one launch (`torchrun`, `accelerate launch`); `rank` 0 leads."""

    def __init__(self, rank: int, size: int) -> None:
        self.rank, self.size = rank, size
        if not dist.is_initialized():
            dist.init_process_group("gloo", rank=rank, world_size=size, timeout=timedelta(weeks=52))
        self.group = dist.new_group(backend="gloo", timeout=timedelta(weeks=52))

    @property
    def leads(self) -> bool:
        """Whether this process is the leader."""
        return self.rank == 0

    def tell(self, command: Command, *numbers: int) -> None:
        """Leader: what the others do next. Raises ModelError when one of them is gone."""
        try:
            dist.broadcast(torch.tensor([command, *numbers, 0, 0][:3], dtype=torch.int64), 0, group=self.group)
        except RuntimeError as error:
            raise ModelError("another process of this launch has ended; start the run again.") from error

    def close(self) -> None:
        """All: part in an orderly way; a process that just ends may abort those still reading from it."""
        dist.barrier(group=self.group)
        dist.destroy_process_group()

    def hear(self) -> tuple[Command, int, int]:
        """Follower: wait for the next command."""
        numbers = torch.zeros(3, dtype=torch.int64)
        dist.broadcast(numbers, 0, group=self.group)
        command, first, second = numbers.tolist()
        return Command(command), first, second

    def together(self, mine: str) -> None:
        """All: go on only when nobody failed. `mine` is what went wrong here, or nothing. Raises ModelError."""
        everyone: list[Any] = [None] * self.size
        dist.all_gather_object(everyone, mine, group=self.group)
        for rank, message in enumerate(everyone):
            if message:
                raise ModelError(message if rank == 0 else f"process {rank}: {message}")

    def score(self, engine: Engine, tree: PrefixTree, tick: Callable[[int], None]) -> list[Score]:
        """Leader: the scores of all requests, computed by everybody."""
        self.tell(Command.SCORE, len(tree), engine.budget)
        packed = torch.tensor([tree.tokens, tree.parents, list(tree.scored)], dtype=torch.int64)
        dist.broadcast(packed, 0, group=self.group)
        work = self._share(engine, tree, lambda tokens: tick(tokens * self.size))
        return work.scores()

    def _share(self, engine: Engine, tree: PrefixTree, tick: Callable[[int], None]) -> Work:
        """All: compute this process's batches, then add up everybody's. Each node is scored by exactly one."""
        engine.share, failure, work = (self.rank, self.size), "", None
        try:
            work = engine.work(tree, tick)
        except Exception as error:  # noqa: BLE001 - the others wait for an answer, whatever went wrong
            failure = str(error) or type(error).__name__
        self.together(failure)
        assert work is not None  # noqa: S101 - or it failed
        numbers = torch.from_numpy(np.stack([work.values, work.greedy.astype(np.float64)]))
        dist.all_reduce(numbers, group=self.group)
        work.values, work.greedy = numbers[0].numpy(), numbers[1].numpy() > 0
        known = torch.tensor([engine.budget, -engine.halved])
        dist.all_reduce(known, dist.ReduceOp.MIN, group=self.group)
        engine.budget, engine.halved = int(known[0]), -int(known[1])
        return work

    def generate(self, batches: Sequence[Sequence[Any]], texts: Texts) -> list[list[str]]:
        """Leader: the texts of up to `size` batches, one per process."""
        self.tell(Command.GENERATE)
        return self._texts(list(batches), texts)

    def _texts(self, batches: list[Any], texts: Texts) -> list[list[str]]:
        handed: list[Any] = [batches]
        dist.broadcast_object_list(handed, 0, group=self.group)
        mine, failure = list[str](), ""
        try:
            if self.rank < len(handed[0]):
                mine = texts(handed[0][self.rank])
        except Exception as error:  # noqa: BLE001 - the others wait for an answer, whatever went wrong
            failure = str(error) or type(error).__name__
        self.together(failure)
        made: list[Any] = [None] * self.size
        dist.all_gather_object(made, mine, group=self.group)
        return made[: len(handed[0])]

    def follow(self, load: Callable[[], tuple[Engine | None, Texts]]) -> None:
        """Follower: do as told until the leader stops, or is gone. `load` loads the model."""
        engine: Engine | None = None
        texts: Texts | None = None
        while True:
            try:
                command, first, second = self.hear()
            except RuntimeError:
                return None  # the leader has ended, and has said why
            if command is Command.STOP:
                return self.close()
            try:
                if command is Command.LOAD:
                    engine, texts = self.loaded(load)
                elif command is Command.SCORE and engine is not None:
                    packed = torch.zeros(3, first, dtype=torch.int64)
                    dist.broadcast(packed, 0, group=self.group)
                    engine.budget, engine.halved = second, 0
                    self._share(engine, PrefixTree.unpack(*packed.tolist()), lambda _: None)
                elif command is Command.GENERATE and texts is not None:
                    self._texts([], texts)
            except ModelError:
                continue  # the leader has the same message, and decides
            except RuntimeError:
                return None  # the leader, or another one, has ended in the middle

    def loaded(self, load: Callable[[], Any]) -> Any:
        """All: what `load` returns, once everybody has loaded. Raises ModelError when one of them cannot."""
        found, failure = None, ""
        try:
            found = load()
        except XlingError as error:
            failure = str(error)
        self.together(failure)
        return found
