"""The beginning of a sequential gate: a planned run held against the baseline before anything is computed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from xling_bench.core.errors import DataError, UsageError
from xling_bench.regress.drawing import Group, Head, groups_of
from xling_bench.regress.gate import REMEDY, SIDES, refuse_contaminated, refuse_unlike
from xling_bench.regress.settings import GateConfig
from xling_bench.results.marks import Cell, cells_of, known_of
from xling_bench.results.matrix import GROUP
from xling_bench.results.mixing import accept_engines
from xling_bench.results.record import Record
from xling_bench.results.schema import ITEMS

if TYPE_CHECKING:
    import pandas as pd

Place = tuple[str, int, str, int]  # task, shots, demos, seed
PLACE = ("task", "shots", "demos", "seed")


def places(frame: pd.DataFrame) -> list[Place]:
    """The unit of each of a baseline's numbers."""
    return [(str(a), int(b), str(c), int(d)) for a, b, c, d in zip(*(frame[name] for name in PLACE), strict=True)]


def check_alike(
    baseline: pd.DataFrame, planned: Mapping[Place, Record], *, allow_engines: bool, allow_contaminated: bool
) -> tuple[list[str], set[Cell]]:
    """(notes, which sides' numbers are contaminated).

    Raises DataError where the baseline was not measured as the planned run would be, or has other units or metrics, and
    UsageError for a candidate that learnt the items, unless that is allowed.
    """
    import pandas as pd

    listed = places(baseline)
    more = sorted({str(place) for place in planned} - {str(place) for place in listed})
    if more:
        raise UsageError(
            f"--sequential: the baseline has not each of its tasks at each of its shots and seeds: {more[0]} is not "
            "there. Name one number of shots in the gate's settings (shots), or gate its benchmarks apart."
        )
    rows = []
    for place, row in zip(listed, baseline.to_dict(orient="records"), strict=True):
        record, metric = planned[place], str(row["metric"])
        if metric not in record.rules:
            raise DataError(f"{record.task}: the run would not report {metric}, which the baseline has.")
        new = {"model": SIDES[1], "n": record.items, "signature": record.signature_of(metric), "harness": "xling-bench"}
        found: dict[Any, Any] = {**row, **new, **known_of(record.standing), "fingerprint": record.fingerprint}
        rows.append(found)
    both = pd.concat([baseline.assign(model=SIDES[0]), pd.DataFrame(rows).astype(baseline.dtypes)], ignore_index=True)
    notes = refuse_contaminated(both, allowed=allow_contaminated)
    if allow_engines:
        both, accepted = accept_engines(both)
        notes += accepted
    refuse_unlike(both)
    return notes, cells_of(both)


def opened(
    baseline: pd.DataFrame, items: Mapping[Place, Mapping[str, str]], config: GateConfig, seed: int
) -> list[Group]:
    """What is drawn; `items` are the planned units', each with the first item of its cluster.

    Raises DataError where the two sides have other items, and as `groups_of` does.
    """
    import pandas as pd

    clusters: dict[tuple[Head, str], pd.Series[int]] = {}
    for number, place in enumerate(places(baseline)):
        row: Any = baseline.iloc[number]
        mine, theirs = items[place], row[ITEMS].index
        if set(mine) != set(theirs):
            shared = len(set(mine) & set(theirs))
            raise DataError(
                f"{place[0]}: items differs: {len(theirs)} for baseline, {len(mine)} for candidate, {shared} of them "
                f"the same. {REMEDY}"
            )
        where = {name: at for at, name in enumerate(mine)}
        first = [where.get(cluster, where[name]) for name, cluster in mine.items()]
        head = tuple(row[name] for name in GROUP[1:])
        clusters[head, str(row["language"])] = pd.Series(first, index=pd.Index(list(mine), dtype="string"))
    return groups_of(baseline, clusters, config, seed)


def digest_of(baseline: pd.DataFrame) -> str:
    """A hash over a baseline's numbers: what they are of, and each item's score."""
    found = hashlib.sha256()
    for signature, items in zip(baseline["signature"], baseline[ITEMS], strict=True):
        found.update(str(signature).encode())
        found.update("\n".join(map(str, items.index)).encode(errors="replace"))
        found.update(items.to_numpy(dtype="<f8").tobytes())
    return found.hexdigest()[:16]
