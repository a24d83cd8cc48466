"""The clock of chat templates stands still, so that a prompt is the same tomorrow."""

from __future__ import annotations

from datetime import datetime
from typing import Any

CLOCK = "strftime_now"  # what transformers calls the function by which a template writes the date
DAY = datetime(2024, 7, 26)  # what Llama 3's template writes where there is no clock
NOTE = (
    f"the chat template writes the date: it is {DAY:%d %B %Y} in every prompt here, so that runs of different days "
    "agree (plain lm_eval writes today's)"
)
# Parts of a form (`%d %b %Y`) and what they are on that day; `%-m` is a month without its zero.
_PARTS = {f"%-{part}": str(int(DAY.strftime(f"%{part}"))) for part in "dHIjmMSy"} | {
    f"%{part}": DAY.strftime(f"%{part}") for part in "aAbBcdHIjmMpSUwWxXyY"
}


def settings(tokenizer: Any) -> dict[str, Any]:
    """What `apply_chat_template` is given besides the conversation: the tokenizer's own template with a clock that
    stands, where it asks for one. (transformers hands templates no function of ours, so that this one is Jinja.)"""
    if not asks_the_date(tokenizer):
        return {}
    written = "".join(f" | replace({part!r}, {value!r})" for part, value in _PARTS.items())
    macro = f"{{%- macro {CLOCK}(form) -%}}{{{{- form{written} -}}}}{{%- endmacro -%}}"
    return {"chat_template": macro + tokenizer.get_chat_template()}


def asks_the_date(tokenizer: Any) -> bool:
    """Whether the tokenizer's template, or one of several, would write today's date."""
    return CLOCK in str(getattr(tokenizer, "chat_template", ""))
