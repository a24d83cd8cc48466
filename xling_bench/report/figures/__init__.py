"""The figures of a report, drawn from its tables by matplotlib: a file a figure.

    heatmap.py    a model's scores, languages by benchmarks
    bars.py       gaps to English, benchmarks by models
    dumbbells.py  two models, language by language
    drawing.py    the sheet they are drawn on, and a finished figure
    svg.py        its SVG made small, for a page and for a file
    cells.py      a table's rows, typed

Nothing is imported of matplotlib before a figure is drawn.
"""

from xling_bench.report.figures.bars import gap_bars
from xling_bench.report.figures.drawing import Figure
from xling_bench.report.figures.dumbbells import before_after
from xling_bench.report.figures.heatmap import heat_map

__all__ = ["Figure", "before_after", "gap_bars", "heat_map"]
