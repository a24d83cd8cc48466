"""How numbers were measured: the settings that stand side by side in a report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xling_bench.core.text import flat
from xling_bench.report.labels import slug

if TYPE_CHECKING:
    import pandas as pd

UNNAMED = ("none", "same", "")  # demonstrations in the tested language are the rule


@dataclass(frozen=True, order=True, slots=True)
class Setting:
    """How a number was measured, prompts apart: demonstrations, and in which language or by which policy."""

    shots: int
    demos: str

    @property
    def label(self) -> str:
        """`0 shots`, `5 shots`, `5 shots, semantic-en demos`."""
        named = "" if self.demos in UNNAMED else f", {flat(self.demos)} demos"
        return f"{self.shots} shot{'' if self.shots == 1 else 's'}{named}"

    @property
    def key(self) -> str:
        """`0`, `5`, `5-semantic-en`: for names of files and links."""
        return str(self.shots) if self.demos in UNNAMED else f"{self.shots}-{slug(self.demos)}"

    def rows(self, table: pd.DataFrame) -> pd.DataFrame:
        """The rows of a table that were measured so."""
        return table[(table["shots"] == self.shots) & (table["demos"] == self.demos)]


def settings_of(frame: pd.DataFrame) -> list[Setting]:
    """The settings in a table, fewest demonstrations first."""
    pairs = zip(frame["shots"], frame["demos"], strict=True)
    return sorted({Setting(int(shots), str(demos)) for shots, demos in pairs})
