"""Each benchmark's numbers, a column a language, drawn by tables.js."""

from xling_bench.report.sections.section import Section

HTML = """
<form class="controls" data-for="benchmark"><label>Benchmark <select name="benchmark"></select></label> <label>Metric <select name="metric"></select></label> <label><input type="checkbox" name="intervals"> intervals</label></form>
<div id="benchmark-table"></div>
"""

SECTION = Section("benchmarks", "Benchmarks", 60, HTML, heading="Benchmark by benchmark")
