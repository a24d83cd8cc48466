"""Two models held against each other on the items that both answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xling_bench.core.text import line
from xling_bench.metrics.registry import sign_of
from xling_bench.report.missing import missing
from xling_bench.report.printed import HEAD, PROMPTS, Table, printed, titled, with_interval
from xling_bench.report.sections.section import Context, Report, Section
from xling_bench.report.select import resampleable
from xling_bench.results.ancestry import trained_from
from xling_bench.results.marks import CONTAMINATED, with_marks
from xling_bench.results.tables.compare import ALPHA, compare_models, left_out

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = {
    "benchmark": HEAD["benchmark"],
    "setting": HEAD["setting"],
    "metric": HEAD["metric"],
    **PROMPTS,
    "language": "Language",
    "items": "Items",
    "difference": "Difference",
    "interval": "95 %",
    "p_holm": "p (Holm)",
    "p": "p",
    "mde": "Detectable",
    "chance": "At chance before, after",
    "gaps": "Gap is before, after",
}


def context(report: Report) -> Context | None:
    """`before`, `after`, whether the one was `trained` from the other, `table` of paired differences (None where they share no cell with items) and its `verdict`,
    `notes` on what only one of the two has, `drawn`. None where there is no second model."""
    if report.pair is None:
        return None
    before, after = report.pair
    lead = report.measured.lead
    scored = resampleable(lead)
    both = scored[scored["model"].isin(report.pair)]
    cells = both.groupby(["benchmark", "shots", "demos", "metric", "language"])["model"].nunique()
    table, verdict = None, ""
    if not cells.empty and int(cells.max()) == 2:
        differences = compare_models(both, before, after, draws=report.options.draws)
        differences = with_marks(differences, both, report.pair)
        table, verdict = _printed(differences), _verdict(differences)
    notes = [line(note, 300) for note in left_out(lead, before, after)]
    return {
        "before": before,
        "after": after,
        "table": table,
        "verdict": verdict,
        "notes": notes,
        "drawn": report.change,
        "trained": trained_from(report.measured.frame).get(after) == before,
    }


def _printed(table: pd.DataFrame) -> Table:
    """Paired differences, smallest p first."""
    counts = zip(table["at_chance_a"], table["at_chance_b"], table["languages"], strict=True)
    readings = zip(table["gap_is_a"], table["gap_is_b"], strict=True)
    table = table.assign(
        chance=["" if missing(a) else f"{a}, {b} of {n}" for a, b, n in counts],
        gaps=["" if missing(a) else f"{a}, {b}" for a, b in readings],
    )
    table = table.sort_values(["p_holm", "p"], kind="stable", ignore_index=True, na_position="last")
    columns = COLUMNS | ({CONTAMINATED: "Contaminated"} if CONTAMINATED in table else {})
    if CONTAMINATED in table:
        names = {"A": "before", "B": "after", "A, B": "before, after"}
        table = table.assign(**{CONTAMINATED: [names.get(str(sides), "") for sides in table[CONTAMINATED]]})
    return printed(titled(with_interval(table, "low", "high")), columns)


def _verdict(differences: pd.DataFrame) -> str:
    """What the comparison comes to, in a sentence."""
    import pandas as pd

    cells = differences[differences["p_holm"].notna()]
    sure = cells[cells["p_holm"] < ALPHA]
    chance = pd.to_numeric(sure["at_chance_a"]).gt(0) & pd.to_numeric(sure["at_chance_b"]).gt(0)
    chance = chance.fillna(False).astype(bool)  # a metric without a chance level is at none
    judged = sure[~chance]
    gains = judged["difference"] * judged["metric"].map(sign_of).astype("float64")
    better, worse = int((gains > 0).sum()), int((gains < 0).sum())
    text = f"Of {len(cells)} cells {better} got better and {worse} worse (p below {ALPHA:g} after Holm)"
    text += f"; {int(chance.sum())} more changed while at chance on both sides" if chance.any() else ""
    return f"{text}; {len(cells) - len(sure)} are undecided, which is not “the same”."


HTML = """
{% if trained %}<p>The second was trained from the first, as its record says.</p>{% endif %}
<p><bdi>{{ after|line }}</bdi> minus <bdi>{{ before|line }}</bdi> on the items both answered: difference in points with its 95 % interval, p of McNemar's exact test (sign flips for graded scores, means, and items that share a premise or passage, which are signed together), adjusted over a benchmark's languages by Holm; detectable: the smallest difference such a test finds in 80 % of cases. A negative difference of gaps is a smaller gap.</p>
{% if verdict %}<p><strong>{{ verdict }}</strong> Smallest p first.</p>{% endif %}
{% for note in notes %}<p class="banner">{{ note }}</p>{% endfor %}
{% if table %}{{ plain_table("before-after", table) }}{% endif %}
{{ figures(drawn) }}
"""

SECTION = Section("change", "Before and after", 50, HTML, context=context)
