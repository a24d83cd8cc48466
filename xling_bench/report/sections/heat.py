"""The heat map: one model's scores, or two models' difference, drawn by heat.js."""

from xling_bench.report.sections.section import Context, Report, Section
from xling_bench.report.select import PROMPTS


def context(report: Report) -> Context:
    """Whether there is a second model to hold against the first; with which prompts."""
    return {"several": report.several, "prompts": PROMPTS}


HTML = """
<p>Headline metric of each benchmark; {{ prompts }}. The colour runs from the chance level (or 0) to 100{% if several %}; with a second model, from blue where the second is better to orange where it is worse{% endif %}. <span class="key">≈ at chance</span> <span class="key hatch">not measured</span></p>
<form class="controls" data-for="heat"><label>Model <select name="model"></select></label> <label>Setting <select name="setting"></select></label>{% if several %} <label>Other model, minus this one <select name="other"></select></label>{% endif %}</form>
<div class="scroll" id="heat-table" aria-live="polite"></div>
"""

SECTION = Section("heat", "Heat map", 20, HTML, context=context, heading="Languages × benchmarks")
