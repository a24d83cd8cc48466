"""A chat template's date is one day's, in every form that a template may ask for."""

from __future__ import annotations

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from xling_bench.models.chat import asks_the_date, settings

PARTS = ("%d", "%-d", "%m", "%-m", "%b", "%B", "%Y", "%y", "%a", "%A", "%H", "%M", "%S", "%j")


@given(st.lists(st.sampled_from((*PARTS, " ", ", ", "-", "date ")), min_size=1).map("".join))
def test_forms_are_those_of_python(form: str) -> None:
    """Llama 3's way to ask, with a clock that stands at the date of its own."""
    tokenizer = PreTrainedTokenizerFast.__new__(PreTrainedTokenizerFast)
    tokenizer.chat_template = (
        "{%- if strftime_now is defined %}{%- set day = strftime_now('" + form + "') %}{%- endif %}"
        "{% macro said(x) %}<{{ day }}|{{ x }}>{% endmacro %}{{ said(messages[0].content) }}"
    )
    assert asks_the_date(tokenizer)
    text = written(tokenizer)
    assert text == f"<{datetime(2024, 7, 26).strftime(form)}|hallo>"


def test_other_templates_are_left_alone() -> None:
    tokenizer = PreTrainedTokenizerFast.__new__(PreTrainedTokenizerFast)
    for template in (None, "{{ messages[0].content }}"):
        tokenizer.chat_template = template
        assert settings(tokenizer) == {}


def written(tokenizer: PreTrainedTokenizerFast) -> str:
    from transformers.utils.chat_template_utils import render_jinja_template

    template = settings(tokenizer)["chat_template"]
    texts, _ = render_jinja_template(conversations=[[{"role": "user", "content": "hallo"}]], chat_template=template)
    return str(texts[0])
