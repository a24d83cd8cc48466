"""Means over groups of languages, drawn by groups.js."""

from xling_bench.report.sections.section import Section

HTML = """
<p>Resource levels follow Joshi et al. (2020): class 5 high, 3–4 medium, 0–2 low. Seen or unseen is by the pre-training data that XGLM's and BLOOM's papers list; it says nothing about other models.</p>
<form class="controls" data-for="groups"><label>By <select name="by"></select></label></form>
<div id="groups-table"></div>
<p class="files">In brackets: how many languages or pairs, and how many of them at chance (≈).</p>
"""

SECTION = Section("groups", "Groups", 40, HTML, heading="Groups of languages")
