"""What the gate's files hold when it could not judge: why, and no verdict. An older file would be taken for one."""

from __future__ import annotations

import json
from typing import Any

from xling_bench.core.text import markdown_sentence, xml

STATUS, EXIT_CODE = "error", 2


def to_json(reason: str) -> str:
    """The fields of a verdict that a reader goes by; none of the others."""
    data: dict[str, Any] = {"format": 2, "status": STATUS, "exit_code": EXIT_CODE, "verdict": STATUS, "error": reason}
    return json.dumps(data, ensure_ascii=False, indent=1) + "\n"


def to_markdown(reason: str) -> str:
    """A comment for a pull request."""
    return f"### xling-bench gate: nothing was judged\n\n{markdown_sentence(reason)}\n"


def to_junit(reason: str) -> str:
    """One case, with an error."""
    from xml.etree import ElementTree

    totals = {"name": "xling-bench gate", "tests": "1", "failures": "0", "errors": "1", "skipped": "0"}
    root = ElementTree.Element("testsuites", totals)
    suite = ElementTree.SubElement(root, "testsuite", totals)
    case = ElementTree.SubElement(suite, "testcase", classname="gate", name="gate", time="0")
    ElementTree.SubElement(case, "error", message=xml(reason), type=STATUS)
    ElementTree.indent(root, " ")
    return ElementTree.tostring(root, encoding="unicode") + "\n"
