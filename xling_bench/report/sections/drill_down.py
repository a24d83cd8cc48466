"""The same items in all languages with the models' answers, drawn by items.js."""

from xling_bench.report.sections.section import Context, Report, Section


def context(report: Report) -> Context:
    """Whether there is a second model to hold against the first."""
    return {"several": report.several}


HTML = """
<p id="items-choice"></p>
<p id="items-changes" aria-live="polite"></p>
<form class="controls" data-for="items"><label>Benchmark <select name="benchmark"></select></label> <label>Setting <select name="setting"></select></label> {% if several %}<label>A <select name="a"></select></label> <label>B <select name="b"></select></label> {% endif %}<label>Language <select name="language"></select></label> <label>Show <select name="show"><option value="all">all chosen items</option>{% if several %}<option value="fixed">fixed: B right, A wrong (B higher)</option><option value="broken">broken: B wrong, A right (B lower)</option>{% endif %}<option value="split">right in some languages only{% if several %} (A){% endif %}</option></select></label></form>
<div class="split"><div id="items-list" class="scroll"></div><div id="items-detail" aria-live="polite"></div></div>
"""

SECTION = Section("items", "Items", 70, HTML, context=context, heading="Items: the same question in all languages")
