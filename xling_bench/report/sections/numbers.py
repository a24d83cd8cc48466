"""Every number with its signature, drawn by tables.js."""

from xling_bench.report.sections.section import Section

HTML = """
<p>Every metric, language, prompt family and setting. “show” opens a number's signature: everything it depends on. The CSV button writes the rows shown, with signatures.</p>
<div id="numbers-table"></div>
"""

SECTION = Section("numbers", "All numbers", 100, HTML)
