"""The sheet a figure is drawn on, laid out in inches, and what comes of it: SVG, PNG, and SVG for a page."""

from __future__ import annotations

import io
import unicodedata
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xling_bench.core.text import flat
from xling_bench.report.figures.svg import INK, compact, embedded, standalone

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# The SVG's text is drawn by the reader's fonts; ours only measures it. The second is of matplotlib before 3.11.
MEASURED_ANYWAY = (r"Glyph \d+ .*missing from ", r"Matplotlib currently does not support \w+ natively")
REPLACED = "\N{REPLACEMENT CHARACTER}"
TEXT, SMALL = 8.0, 7.0  # points
DPI = 150
SETTINGS: dict[Any, Any] = {  # matplotlib 3.11 types its keys as literals, 3.9 as strings
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.family": ["DejaVu Sans"],  # ships with matplotlib: the PNG is the same everywhere
    "font.size": TEXT,
    "hatch.linewidth": 0.7,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "xling-bench",
    "text.color": INK,
    "text.parse_math": False,  # a dollar sign in a model's name is a dollar sign
    "xtick.color": INK,
    "xtick.labelsize": SMALL,
    "xtick.major.width": 0.6,
    "ytick.color": INK,
    "ytick.labelsize": SMALL,
    "ytick.major.width": 0.6,
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One finished figure. The same table gives the same bytes.

    `name` is a file's stem, safe on every file system. `title` and `caption` are plain text, to be escaped by who
    writes them into a page; the caption says what is drawn, what the intervals are, and what was left out and why.
    `svg` is a file of its own and `png` (150 dpi) a picture, both on white. `inline` is the SVG for a page: ids start
    with `name`, the ground is transparent and all ink but the data's is `currentColor`.
    """

    name: str
    title: str
    caption: str
    svg: bytes
    png: bytes
    inline: str


@contextmanager
def style() -> Iterator[None]:
    """matplotlib as we want it, whatever the reader's matplotlibrc says, and as it was afterwards."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS)
        yield


class Sheet:
    """A page of `width` x `height` inches; places are inches from its top left corner. To be used inside `style`."""

    def __init__(self, width: float, height: float) -> None:
        from matplotlib.figure import Figure as Canvas

        self.width, self.height = width, height
        self.canvas = Canvas(figsize=(width, height), facecolor="none")

    def axes(self, left: float, top: float, width: float, height: float, *, bare: bool = False) -> Axes:
        """Axes in that box; `bare` ones have no frame and are measured in inches from their own top left corner."""
        box = (left / self.width, 1 - (top + height) / self.height, width / self.width, height / self.height)
        axes = self.canvas.add_axes(box, facecolor="none")
        if bare:
            axes.set_axis_off()
            axes.set(xlim=(0, width), ylim=(height, 0))
        return axes

    def text(self, left: float, top: float, words: str, **more: Any) -> None:
        """Words at a place, by default starting there, centred in height."""
        more = {"va": "center", "size": TEXT, **more}
        self.canvas.text(left / self.width, 1 - top / self.height, words, **more)

    def finish(self, name: str, title: str, caption: str) -> Figure:
        """Draw it. The PNG, whose font is one, has U+FFFD for characters that font lacks; the SVG keeps them."""
        from matplotlib.text import Text

        with warnings.catch_warnings():
            for message in MEASURED_ANYWAY:
                warnings.filterwarnings("ignore", message, UserWarning)
            vector = self._saved("svg", {"Date": None, "Creator": None, "Format": None, "Type": None})
        for text in self.canvas.findobj(Text):
            if isinstance(text, Text):
                text.set_text(drawable(text.get_text()))
        png = self._saved("png", {"Software": None})
        title, caption = flat(title), flat(caption)
        root = compact(vector, name)
        return Figure(name, title, caption, standalone(root, title, caption), png, embedded(root, name, title, caption))

    def _saved(self, form: str, metadata: dict[str, None]) -> bytes:
        out = io.BytesIO()
        ground = "none" if form == "svg" else "white"
        self.canvas.savefig(out, format=form, dpi=DPI, metadata=metadata, facecolor=ground)
        return out.getvalue()


@cache
def _characters() -> frozenset[int]:
    """Code points that the regular and the bold font have."""
    import matplotlib
    from matplotlib.font_manager import get_font

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    maps = [get_font(str(folder / name)).get_charmap() for name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf")]
    return frozenset(maps[0]) & frozenset(maps[1])


def drawable(text: str) -> str:
    """The text with U+FFFD for characters the PNG's font lacks."""
    return "".join(c if ord(c) in _characters() else REPLACED for c in text)


def title_width(text: str) -> float:
    """How wide a figure's title, bold and a point larger, is drawn, in inches, with room beside it."""
    return 1.15 * width_of(text, TEXT + 1) + 0.25


def width_of(text: str, size: float = TEXT) -> float:
    """How wide the text is drawn, in inches; full-width characters count as such though the font lacks them."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    font = FontProperties(family=["DejaVu Sans"], size=size)
    width, _, _ = text_to_path.get_text_width_height_descent(drawable(text), font, ismath=False)
    return (float(width) + 0.2 * size * wide) / 72
