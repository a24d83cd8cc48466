"""Representations: what `represent` measured of the models, and whether alignment goes with accuracy."""

from __future__ import annotations

from xling_bench.core.text import line
from xling_bench.report.geometry import Geometry, notes_of_folders
from xling_bench.report.measure import Measured
from xling_bench.report.predicts import accuracy_figure, accuracy_table, points_of
from xling_bench.report.sections.section import Context, Report, Section
from xling_bench.report.spoken import answers_table, asked, summary_table, tokens_table


def context(report: Report) -> Context | None:
    """As `geometry_context`, with the report's scores."""
    return geometry_context(report.geometry, report.measured)


def geometry_context(geometry: Geometry, measured: Measured | None) -> Context | None:
    """Tables and figures of `geometry`, and of its languages' alignment against their scores where there are any; None
    where no folder was given."""
    if not geometry.figures:
        return None
    found = list(geometry.folders)
    points, unmatched = ([], []) if measured is None or not found else points_of(found, measured)
    scatter = accuracy_figure(points)
    groups = [(f"{', '.join(map(line, each.models))} ({line(each.folder.name)})", figures) for each, figures in zip(found, geometry.drawn, strict=True)]
    everything = [*geometry.figures, *([] if scatter is None else [scatter])]
    return {
        "links": everything,
        "ways": [(line(model), line(each.measured(model), 300)) for each in found for model in each.models],
        "notes": [*notes_of_folders(found), *unmatched],
        "scored": measured is not None and bool(found),
        "scatter": [] if scatter is None else [scatter],
        "correlations": accuracy_table(points),
        "summary": summary_table(found),
        "tokens": tokens_table(found),
        "groups": groups,
        "path": [] if geometry.path is None else [geometry.path],
        "near": answers_table(found),
        "answers": [(line(one.model), asked(one)) for each in found for one in each.answers],
    }


HTML = """
<p>States of the same sentences in several languages, from <code>xling-bench represent</code>: how near translations are, layer by layer. Baselines: the same model with random weights (unless a note says that none was measured), and what shared strings alone find. Definitions are in docs/represent.md.</p>
<p class="files">Figures: {% for figure in links %}<a href="#{{ figure.name }}">{{ figure.title }}</a>{% if not loop.last %} · {% endif %}{% endfor %}</p>
<ul class="files">{% for model, way in ways %}<li><bdi>{{ model }}</bdi>: {{ way }}</li>{% endfor %}</ul>
{% for note in notes %}<p class="banner">{{ note }}</p>
{% endfor %}
{% if scored %}
<h3 id="predicts">Does alignment predict accuracy?</h3>
{% if correlations %}<p>Rank correlation over languages of a model's MEXA (mean over the layers measured) and its scores. The interval (Bonett and Wright 2000) takes languages as drawn independently, which related ones are not, and is given from eight languages on. Scores at chance say nothing of the model: count them first.</p>
{{ plain_table("alignment-accuracy", correlations) }}{{ figures(scatter) }}{% else %}<p>No model has both scores and alignment in three languages of a benchmark: give <code>--represent</code> folders of the models of these runs, with the same languages.</p>{% endif %}
{% endif %}
{% if summary %}<h3 id="alignment">Alignment by language</h3>
<p>Best layers are chosen on the sentences that they are reported on: compare models by the mean over layers.</p>
{{ plain_table("alignment", summary) }}{% endif %}
{% for title, drawn in groups %}{% if groups|length > 1 %}<h3>{{ title }}</h3>{% endif %}
{{ figures(drawn) }}{% endfor %}
{% if path %}<h3 id="training">Over training</h3>{{ figures(path) }}{% endif %}
{% if tokens %}<h3 id="tokens">Tokens</h3>
<p>What each tokenizer makes of the same sentences: a language that takes more tokens costs more, and has less room.</p>
{{ plain_table("tokens", tokens) }}{% endif %}
{% if answers %}<h3 id="answers">The same answer in two languages?</h3>
{% if near %}<p>Cosine of the states of answers to the same instruction in two languages, beside that of answers to other instructions: only the difference says anything. The layer is where the same instruction's answer is the nearest most often.</p>
{{ plain_table("answers-near", near) }}{% endif %}
{% for model, rows in answers %}<details><summary>{{ model }}: {{ rows|length }} instructions and its answers</summary>
{% for row in rows %}<h4>{{ row.instruction }}</h4><div class="scroll"><table><thead><tr>{% for said in row.answers %}<th scope="col">{{ said.language }}</th>{% endfor %}</tr></thead><tbody><tr>{% for said in row.answers %}<td lang="{{ said.tag }}" dir="{{ said.direction }}"><div class="answer">{{ said.text }}</div></td>{% endfor %}</tr></tbody></table></div>
{% endfor %}</details>
{% endfor %}{% endif %}
"""

SECTION = Section("representations", "Representations", 47, HTML, context=context)
