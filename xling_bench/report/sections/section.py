"""What a section of the page is, and what it is made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from xling_bench.report.figures import Figure
from xling_bench.report.geometry import Geometry
from xling_bench.report.leaderboard import Row
from xling_bench.report.measure import Measured
from xling_bench.results.given import Run
from xling_bench.results.matrix import DRAWS


@dataclass(frozen=True, slots=True)
class Options:
    """What a report shows: at most `items` per benchmark in the drill-down; `before` and `after`, the models to hold
    against each other (default: the first and the last given); `reference`, a paper's numbers to add; `allow_engines`
    takes what different engines computed; `represent`: folders of `represent`, or of trainings that
    followed their alignment; `beside`: files with numbers from elsewhere, to be shown as such."""

    title: str = "Cross-lingual report"
    reference: str = ""
    items: int = 40
    before: str = ""
    after: str = ""
    seeds: tuple[int, ...] = ()
    allow_engines: bool = False
    represent: tuple[Path, ...] = ()
    beside: tuple[Path, ...] = ()
    draws: int = DRAWS


@dataclass(frozen=True, slots=True)
class Report:
    """Everything a section may show.

    measured: the tables. runs: as they were given. benchmarks: keys, in the page's order. board: the leaderboard's rows,
    published ones among them. pair: the two models held against each other, None where there is one only. gaps, change:
    figures of gaps to English, and of the pair. geometry: what `represent` found.
    """

    measured: Measured
    runs: Sequence[Run]
    options: Options
    benchmarks: list[str]
    board: list[Row]
    pair: tuple[str, str] | None
    gaps: list[Figure]
    change: list[Figure]
    geometry: Geometry = field(default_factory=Geometry)

    @property
    def several(self) -> bool:
        """Whether there is more than one model."""
        return len(self.measured.models) > 1


Context = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Section:
    """A section: a file in this folder makes one, `SECTION`, and the page shows it.

    id: its anchor, `#gaps`. title: its entry in the navigation. order: where it stands, lowest first; unlike others'.
    html: what stands below the heading, in Jinja: everything printed is escaped, names that `context` lacks are errors.
    context: what `html` names; None or nothing leaves the section and its entry out. Without it the section is always
    there. heading: what it is headed, where that is more than its title.

    Every `html` can also use the filters `line` (a name of somebody else's on one line) and `one` (one decimal), and
    the macros of `reports/page/macros.html.j2`: `plain_table(name, table)` of a `printed` table, `figures(list)`.
    """

    id: str
    title: str
    order: int
    html: str
    context: Callable[[Report], Context | None] | None = None
    heading: str = ""

    def filled(self, report: Report) -> Context | None:
        """What its `html` is given; None: it is left out."""
        return {} if self.context is None else self.context(report) or None
