"""What a sequential gate draws: the items that baseline and candidate share, in clusters, in a seeded order."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xling_bench.core.errors import DataError, UsageError
from xling_bench.metrics.registry import METRICS, scale_of, sign_of
from xling_bench.regress.sequential import Drawn
from xling_bench.regress.settings import GateConfig
from xling_bench.results.clusters import clusters_in, codes_for
from xling_bench.results.matrix import GROUP, aligned_by_id, columns, of_languages
from xling_bench.results.schema import CLUSTERS
from xling_bench.results.tables.compare import MEAN
from xling_bench.results.tables.uncertainty import chance_flags
from xling_bench.stats import cluster_sums

if TYPE_CHECKING:
    import pandas as pd

Matrix = NDArray[np.float64]
Head = tuple[Any, ...]  # benchmark, family, shots, demos, metric
PORTIONS = 20  # looks, unless somebody says how large a batch is
SMALLEST = 50  # items of a batch, unless somebody says how large: fewer fill no batch of the model's, and decide little
Scores = Mapping[str, "pd.Series[float]"]  # of the candidate's items so far, by language


@dataclass(frozen=True, slots=True)
class Group:
    """One benchmark's cells: the baseline's scores (items, units), NaN where a unit lacks the item, and the position of
    each item's cluster in the seeded order. `weights` (units, rows) make rows of units: each itself, then their mean,
    where `rows` has it. `tolerance` is of the rows, a share; `idle` are rows whose baseline is at chance throughout.
    """

    head: Head
    units: tuple[str, ...]
    rows: tuple[str, ...]
    ids: pd.Index[str]
    baseline: Matrix
    place: NDArray[np.int64]
    weights: Matrix
    tolerance: Matrix
    idle: NDArray[np.bool_]

    @property
    def total(self) -> int:
        """Clusters."""
        return int(self.place.max()) + 1

    @property
    def metric(self) -> str:
        """What is scored."""
        return str(self.head[-1])

    @property
    def items(self) -> int:
        """Items of the unit that has most."""
        return int((~np.isnan(self.baseline)).sum(axis=0).max())

    def drawn_after(self, items: int) -> int:
        """How many clusters make `items` items of the unit that has most; all, where there are not as many."""
        counts = cluster_sums((~np.isnan(self.baseline)).astype(float), self.place)
        enough = np.flatnonzero(np.cumsum(counts, axis=0).max(axis=1) >= items)
        return int(enough[0]) + 1 if enough.size else self.total

    def ids_of(self, unit: str, clusters: range) -> list[str]:
        """A unit's items in the clusters drawn from one place to another."""
        has = ~np.isnan(self.baseline[:, self.units.index(unit)])
        chosen = has & (self.place >= clusters.start) & (self.place < clusters.stop)
        return [str(name) for name in self.ids[chosen]]

    def candidate(self, scores: Scores) -> Matrix:
        """The candidate's scores as the baseline's, NaN where none is known."""
        return np.column_stack([scores[unit].reindex(self.ids).to_numpy(dtype=np.float64) for unit in self.units])

    def drawn(self, candidate: Matrix, clusters: int) -> Drawn:
        """The losses of the first clusters. Raises DataError where an item of them has no score."""
        there = ~np.isnan(self.baseline)
        seen = there & (self.place < clusters)[:, None]
        if np.isnan(candidate[seen]).any():
            raise DataError(f"{' '.join(map(str, self.head))}: the candidate lacks scores of items that were drawn.")
        lost = np.where(seen, sign_of(self.metric) * (self.baseline - candidate), 0.0)
        counts = there.sum(axis=0)
        losses = cluster_sums(lost, self.place)[:clusters] * self.total / counts
        sizes = cluster_sums(there.astype(float), self.place) * self.total / counts
        all_sizes = sizes @ self.weights
        return Drawn(losses @ self.weights, all_sizes[:clusters], all_sizes.max(axis=0), self.total, self.tolerance)

    def means(self, scores: Matrix, clusters: int) -> Matrix:
        """The rows' means, a share, of the items in the first clusters."""
        seen = ~np.isnan(self.baseline) & (self.place < clusters)[:, None]
        counts = seen.sum(axis=0)
        with np.errstate(invalid="ignore"):
            found: Matrix = (np.where(seen, scores, 0.0).sum(axis=0) / counts) @ self.weights
        return found


def groups_of(baseline: pd.DataFrame, clusters: Mapping[tuple[Head, str], pd.Series[int]], config: GateConfig,
              seed: int) -> list[Group]:  # fmt: skip
    """The groups of a baseline's results; `clusters` are the candidate's, by benchmark ... metric and unit.

    Raises UsageError for a metric that is no mean of scores from 0 to 1, and for settings that no sequential gate has.
    """
    check_settings(config)
    flags = chance_flags(baseline)
    found = []
    for key, rows in baseline.groupby(GROUP, sort=True):
        head = tuple(key)[1:]
        check_metric(str(head[-1]), str(head[0]))
        own = [clusters[head, str(unit)] for unit in rows["language"] if (head, str(unit)) in clusters]
        found.append(_group(head, rows, own, config, flags.get(tuple(key), {}), seed))
    return found


def check_settings(config: GateConfig) -> None:
    """Raise UsageError for settings of the gate that no sequential one has."""
    if config.alpha_over != "gate":
        raise UsageError('--sequential: alpha is of the whole gate; leave out alpha_over = "benchmark".')
    if config.gap == "gate":
        raise UsageError('--sequential: the gap to English is judged of all items only; leave out gap = "gate".')


def check_metric(name: str, benchmark: str) -> None:
    """Raise UsageError for a metric that is no mean of all items' scores from 0 to 1."""
    metric = METRICS[name]
    if not (metric.share and metric.is_mean) or metric.partial or metric.conditional:
        raise UsageError(
            f"--sequential: {benchmark} {name} is no mean of scores from 0 to 1 over all items, which is what is "
            "tested as items come in. Name others in the gate's settings (metrics), or leave the benchmark out."
        )


def _group(
    head: Head, rows: pd.DataFrame, own: Sequence[pd.Series[int]], config: GateConfig, at_chance: Mapping[str, bool],
    seed: int,
) -> Group:  # fmt: skip
    import pandas as pd

    scale = scale_of(str(head[-1]))
    found = columns(rows)
    units = tuple(found)
    scores, ids = aligned_by_id([series / scale for series in found.values()])
    both = pd.DataFrame([{CLUSTERS: series} for series in (*rows[CLUSTERS], *own)])
    codes = codes_for(clusters_in(both), ids)
    codes = np.arange(len(ids)) if codes is None else np.unique(codes, return_inverse=True)[1]
    averaged = of_languages(units)
    has_mean = len(averaged) > 1 and config.mean == "gate"
    weights = np.eye(len(units))
    tolerance = [config.limits(str(head[0]), unit).tolerance for unit in units]
    idle = [bool(at_chance.get(unit, False)) for unit in units]
    if has_mean:
        weights = np.column_stack([weights, [(unit in averaged) / len(averaged) for unit in units]])
        tolerance.append(config.of_average(str(head[0]), MEAN, averaged).tolerance)
        idle.append(all(at_chance.get(unit, False) for unit in averaged))
    return Group(
        head, units, (*units, MEAN) if has_mean else units, ids, scores, _places(codes, ids, seed), weights,
        np.array(tolerance) / scale, np.array(idle),
    )  # fmt: skip


def _places(codes: NDArray[np.int64], ids: pd.Index[str], seed: int) -> NDArray[np.int64]:
    """The place of each item's cluster in the order of a hash of seed and the cluster's first item."""
    firsts = [str(ids[int(number)]) for number in np.unique(codes, return_index=True)[1]]
    order = sorted(range(len(firsts)), key=lambda code: hashlib.sha256(f"{seed}:{firsts[code]}".encode()).digest())
    places = np.empty(len(firsts), dtype=np.int64)
    places[order] = np.arange(len(firsts))
    return places[codes]


def batch_size(groups: Sequence[Group], asked: int | None) -> int:
    """Items per batch and language. Raises UsageError for less than one."""
    if asked is not None:
        if asked < 1:
            raise UsageError(f"--batch {asked}: expected a number >= 1")
        return asked
    return max(SMALLEST, math.ceil(max(group.items for group in groups) / PORTIONS))
