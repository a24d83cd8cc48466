"""The repository's Markdown, as tests read it: pages, links, anchors, and the commands that stand in fenced blocks.

`sh` blocks are run by a test, `python` blocks too. A `console` block is not, and the line above it says why, in
`<!-- not run: REASON -->`. A block with `title=PATH` is a file. Inline `xling-bench ...` need not be a whole command.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from urllib.parse import unquote

from guides import REPOSITORY, blocks

PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "tasks/*.md", "templates/*.md", "training/*.md", "reports/*.md")
    for path in REPOSITORY.glob(pattern)
)
GUIDES = REPOSITORY / "docs" / "contributing"  # followed by test_guides, in a copy of the package
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
NOT_RUN = re.compile(
    r"(?:^<!-- not run: (?P<reason>[^\n]*\w) -->\n)?^```console\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
LINK = re.compile(r"\]\(([^)\s]+)\)")
INLINE = re.compile(r"`(xling-bench [^`]+)`")


def name(page: Path) -> str:
    """What a page is called in test ids and messages."""
    return page.relative_to(REPOSITORY).as_posix()


def text_of(page: Path) -> str:
    """The page's text."""
    return page.read_text(encoding="utf-8")


def links(page: Path) -> list[str]:
    """Targets of its links and pictures that are not addresses on the net, outside of fenced blocks."""
    found = LINK.findall(FENCED.sub("", text_of(page)))
    return [target for target in found if not re.match(r"https?://|mailto:", target)]


def anchors(page: Path) -> set[str]:
    """What a link to the page can end in, as GitHub has it: headings, and `<a id=...>`."""
    text = FENCED.sub("", text_of(page))
    found: set[str] = set(re.findall(r'<a id="([^"]+)"', text))
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        number = next(n for n in count() if (f"{slug}-{n}" if n else slug) not in found)
        found.add(f"{slug}-{number}" if number else slug)
    return found


def broken(page: Path) -> list[str]:
    """Links of the page whose file or anchor is not there."""
    wrong = []
    for link in links(page):
        place, _, anchor = unquote(link).partition("#")
        target = page.parent / place if place else page
        if not target.exists() or (anchor and (target.suffix != ".md" or anchor not in anchors(target))):
            wrong.append(link)
    return wrong


def not_run(page: Path) -> list[tuple[str, str]]:
    """(reason, text) of each `console` block; the reason is empty where none is given."""
    return [(match["reason"] or "", match["text"]) for match in NOT_RUN.finditer(text_of(page))]


def commands(text: str) -> Iterator[list[str]]:
    """The words of each command of a block."""
    for line in text.replace("\\\n", " ").splitlines():
        if words := shlex.split(line, comments=True):
            yield words


def shell(page: Path) -> list[str]:
    """The texts of its `sh` blocks."""
    return [block.text for block in blocks(text_of(page)) if block.language == "sh"]


def python(page: Path) -> list[str]:
    """The texts of its `python` blocks that are no files."""
    return [block.text for block in blocks(text_of(page)) if block.language == "python" and not block.path]


def bare(page: Path) -> list[str]:
    """The texts of its fenced blocks without a language."""
    return [text.partition("\n")[2] for text in FENCED.findall(text_of(page)) if text.startswith("```\n")]


def inline(page: Path) -> list[list[str]]:
    """The words of `xling-bench ...` in its sentences and tables."""
    return [shlex.split(each) for each in INLINE.findall(FENCED.sub("", text_of(page)))]
