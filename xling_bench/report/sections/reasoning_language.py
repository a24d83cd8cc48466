"""In which language models reasoned, and how often they were right given it."""

from __future__ import annotations

from xling_bench.core.errors import DataError
from xling_bench.report.printed import HEAD, PROMPTS, printed, titled, with_interval
from xling_bench.report.sections.section import Context, Report, Section
from xling_bench.results.marks import with_marks
from xling_bench.results.tables.reasoned import asked, reasoned_scores, too_few


def context(report: Report) -> Context | None:
    """`reasoning`, and `few`: what is to be said of small rows; None where nothing was reasoned."""
    frame = report.measured.frame
    if not asked(frame):
        return None
    try:
        table = reasoned_scores(frame, draws=report.options.draws)
    except DataError:  # only numbers are here, no item scores
        return None
    few = too_few(table)
    table = with_interval(titled(with_marks(table, frame)), "low", "high")
    titles = HEAD | PROMPTS | {"language": "Language", "reasoned_in": "Reasoned in", "items": "Items", "share": "Share of items",
                     "value": "Score", "interval": "95 % interval"}  # fmt: skip
    return {"reasoning": printed(table, titles), "few": few}


HTML = """
<p>Answers by the language that more than half of their decidable text is in (target: the item's own), and the score of each part. Undecided: numbers, or too little text. Which items stand in a row depends on the model: a difference between rows is no effect of the language.{% for note in few %} {{ note }}{% endfor %}</p>
{{ plain_table("reasoning", reasoning) }}
"""

SECTION = Section("reasoning", "Reasoning", 85, HTML, context=context, heading="Scores given the language of reasoning")
