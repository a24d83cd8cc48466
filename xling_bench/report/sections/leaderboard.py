"""The leaderboard: a table for each setting, with ranks, intervals, what lacks and what is at chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xling_bench.catalog import get_benchmark
from xling_bench.report.leaderboard import Row
from xling_bench.report.measure import Measured, measures
from xling_bench.report.sections.section import Context, Report, Section
from xling_bench.report.select import PROMPTS

if TYPE_CHECKING:
    import pandas as pd

UNRANKED = "Not ranked: no benchmark has item scores."


def context(report: Report) -> Context:
    """Rows by setting, and what must be said above them."""
    board = report.board
    benchmarks = [
        {"key": key, "title": get_benchmark(key).title, "measure": measure}
        for key, measure in measures(report.measured, report.benchmarks).items()
    ]
    settings = list(dict.fromkeys(row.setting for row in board))
    return {
        "benchmarks": benchmarks,
        "prompts": PROMPTS,
        "ranked_by": _ranked_by(report.measured),
        "board": [(setting, [row for row in board if row.setting == setting]) for setting in settings],
        "chance_note": _chance_note(board),
        "published_note": _published_note(board),
    }


def _ranked_by(measured: Measured) -> str:
    """What the ranks are of: one sentence, or one for each setting where they differ."""
    ranks = measured.ranks
    if ranks is None:
        return UNRANKED
    said: dict[str, list[str]] = {}
    for setting in measured.settings:
        said.setdefault(_ranked_in(setting.rows(ranks)), []).append(setting.label)
    if len(said) == 1:
        return next(iter(said))
    return " ".join(f"{', '.join(at)}: {text}" for text, at in said.items() if text)


def _ranked_in(ranks: pd.DataFrame) -> str:
    ranked = sorted({str(key) for key in ranks.loc[ranks["family"] != "", "benchmark"]})
    if not ranked:
        return UNRANKED
    accuracy = [get_benchmark(key).title for key in ranked if get_benchmark(key).chance is not None]
    if len(accuracy) > 1 and (ranks["family"] == "").any():  # else by different metrics, which have no common mean
        overall = f"chance-corrected accuracy, mean over {', '.join(accuracy)}."
        return f"Ranked by overall: {overall}" if ranks["model"].nunique() > 1 else f"Overall: {overall}"
    if ranks["model"].nunique() == 1:
        return ""
    if len(ranked) == 1:
        return f"Ranked by {get_benchmark(ranked[0]).title}."
    return "Not ranked: an order over benchmarks needs at least two with accuracies. Sort by a column."


def _chance_note(board: list[Row]) -> str:
    """Said above the table when whole models are at chance."""
    rows = [row for row in board if row.overall is not None and row.overall.at_chance]
    low = sum(2 * (row.overall.at_chance or 0) > row.overall.of for row in rows if row.overall is not None)
    if not low:
        return ""
    of = sum(row.overall is not None for row in board)
    if of == 1:
        return "More than half of the accuracies are at chance: differences among those are of guessing habits."
    most = f"{low} of {of} rows have more than half of their accuracies at chance."
    return f"{most} They are not ranked: differences among them are of guessing habits."


def _published_note(board: list[Row]) -> str:
    partly = any(s.measured < s.declared for row in board if not row.published for s in row.scores.values())
    if not partly or not any(row.published and not any(s.measured for s in row.scores.values()) for row in board):
        return ""
    return "Published means are over all languages of a benchmark; ours are not where “n/m measured” stands."


HTML = """
{# A score of the leaderboard: value, interval, place, what lacks, what is at chance. #}
{% macro score(s) %}{% if s is none %}<td class="n" data-order="-1000000000">–</td>{% else %}<td class="n" data-order="{{ s.value }}"><b>{{ s.value|one }}{% if s.contaminated %}†{% endif %}</b>{% if s.low is not none %} <small>{{ s.low|one }} to {{ s.high|one }}</small>{% elif s.std is not none %} <small>std {{ s.std|one }}</small>{% endif %}{% if s.rank %} <small>#{{ s.rank.place }}{% if s.rank.best != s.rank.worst %} ({{ s.rank.best }}–{{ s.rank.worst }}){% endif %}</small>{% endif %}{% if s.measured and s.declared and s.measured != s.declared %} <small class="mark">{{ s.measured }}/{{ s.declared }} measured</small>{% endif %}{% if s.at_chance %} <small class="mark">{{ s.at_chance }}/{{ s.measured }} at chance</small>{% endif %}</td>{% endif %}{% endmacro %}
<p>Means over languages, each counting equally, in percent (points for chrF++ and BLEU); 95 % intervals over items; {{ prompts }}. {{ ranked_by }}</p>
<details><summary>How to read it</summary><p># is the place on one benchmark; behind a score stand its 95 % interval, or, where there is none, the standard deviation over languages. “13/15 measured”: so many of the benchmark's languages. Chance-corrected is (accuracy − chance) / (1 − chance): 0 is guessing. Behind a rank stand the places that hold 95 % of the draws when items are drawn again. Models are tied where the interval of their paired difference holds zero. A model that lacks languages of those benchmarks is not ranked, nor is one with more than half of its cells at chance. Constant answers can score above 0: PAWS-X is 56 % “different”.</p></details>
{% if chance_note %}<p class="banner">{{ chance_note }}</p>{% endif %}
{% if published_note %}<p class="banner">{{ published_note }}</p>{% endif %}
{% for setting, rows in board %}
<h3>{{ setting.label }}</h3>
<div class="scroll"><table class="data board" data-name="leaderboard-{{ setting.key }}" data-order-by="0">
<thead><tr><th scope="col">Rank</th><th scope="col">Model</th><th scope="col" class="n">Overall</th>{% for b in benchmarks %}<th scope="col" class="n">{{ b.title }}<span class="sub">{{ b.measure }}</span></th>{% endfor %}<th scope="col">Note</th></tr></thead>
<tbody>
{% for row in rows %}<tr{% if row.published %} class="published"{% endif %}>
<td data-order="{{ row.rank.place if row.rank else 9999 }}">{% if row.rank %}<b>{{ row.rank.place }}</b>{% if row.rank.best != row.rank.worst %} <small>({{ row.rank.best }}–{{ row.rank.worst }})</small>{% endif %}{% else %}<span title="not ranked">–</span>{% endif %}</td>
<th scope="row"><bdi>{{ row.model|line }}</bdi></th>
{{ score(row.overall) }}{% for b in benchmarks %}{{ score(row.scores.get(b.key)) }}{% endfor %}
<td class="note">{% if row.published %}{{ row.note }}{% elif row.note %}<strong>{{ row.note|line(300) }}</strong> {% endif %}{% if row.rank and row.rank.tied %}tied with <bdi>{{ row.rank.tied|line(160) }}</bdi>{% endif %}</td>
</tr>
{% endfor %}</tbody></table></div>
{% endfor %}
<p class="files">The same beside this page: <a href="leaderboard.csv">leaderboard.csv</a>, <a href="leaderboard.md">.md</a>, <a href="leaderboard.tex">.tex</a>, and <a href="leaderboard.json">.json</a> with every number and its signature; figures as PNG and SVG in <code>figures/</code>.</p>
"""

SECTION = Section("leaderboard", "Leaderboard", 10, HTML, context=context)
