"""matplotlib's SVG made small, and fit to stand in a page beside others."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

INK = "#222222"  # the colour of everything that is not data: `currentColor` in a page
FONTS = "system-ui, sans-serif"
XMLNS = "http://www.w3.org/2000/svg"
DROPPED = {"clip-rule", "font", "font-family", "font-stretch", "font-style", "font-variant", "id", "version"}
RECTANGLE = re.compile(r"^M(\S+) ([^\sL]+)L(\S+) \2L\3 ([^\sL]+)L\1 \4(?:L\1 \2)?z$")
REFERENCE = re.compile(r"(?<=url\(#)[^)]+(?=\))")


def compact(source: bytes, name: str) -> Element:
    """What matplotlib wrote as an element without namespaces, style sheets, idle groups and unused ids.

    Styles become attributes, which need no `unsafe-inline` in a page's policy; matplotlib's own `*{...}` rule would
    style the whole page. Ids are `<name>-1` and on, in the order of the file.
    """
    from defusedxml.ElementTree import fromstring

    root: Element = fromstring(source)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.tail = None
        element.attrib = {key.rpartition("}")[2]: value for key, value in element.attrib.items()}
        if element.tag not in ("text", "tspan"):
            element.text = None
    _prune(root)
    ids = {identity: f"{name}-{i}" for i, identity in enumerate(_referenced(root), 1)}
    for element in root.iter():
        element.attrib = _attributes(element, ids)
    _flatten(root)
    view = {"viewBox": root.attrib["viewBox"], "stroke-linejoin": "round"}
    root.attrib = {**view, "font-family": FONTS, "font-size": _commonest_size(root), "fill": INK}
    return root


def _commonest_size(root: Element) -> str:
    """The size most text has, taken off that text: it inherits the root's."""
    texts = [element for element in root.iter("text") if "font-size" in element.attrib]
    if not texts:
        return "7"
    size, _ = Counter(element.attrib["font-size"] for element in texts).most_common(1)[0]
    for element in texts:
        if element.attrib["font-size"] == size:
            del element.attrib["font-size"]
    return size


def standalone(root: Element, title: str, caption: str) -> bytes:
    """A file of its own: black on white, in points."""
    from xml.etree import ElementTree

    root = deepcopy(root)
    width, height = root.attrib["viewBox"].split()[2:]
    links = any("href" in element.attrib for element in root.iter())
    for element in root.iter():
        if "href" in element.attrib:  # what converters to PDF read; a page reads the plain one too
            element.attrib = {"xlink:href" if k == "href" else k: v for k, v in element.attrib.items()}
    root.attrib |= {"xmlns": XMLNS, "width": f"{width}pt", "height": f"{height}pt"}
    root.attrib |= {"xmlns:xlink": "http://www.w3.org/1999/xlink"} if links else {}
    root.insert(0, ElementTree.Element("rect", {"width": "100%", "height": "100%", "fill": "#ffffff"}))
    _describe(root, title, caption)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'.encode()


def embedded(root: Element, name: str, title: str, caption: str) -> str:
    """The same for a page: transparent, in the page's ink, as wide as there is room, never wider than the file."""
    from xml.etree import ElementTree

    root = deepcopy(root)
    for element in root.iter():
        element.attrib = {k: "currentColor" if v == INK else v for k, v in element.attrib.items()}
    width = root.attrib["viewBox"].split()[2]
    words = {"role": "img", "aria-labelledby": f"{name}-title {name}-desc"}
    root.attrib |= {"xmlns": XMLNS, **words, "style": f"--natural:{width}pt;width:100%;max-width:{width}pt;height:auto"}
    _describe(root, title, caption, name)
    return ElementTree.tostring(root, encoding="unicode")


def _describe(root: Element, title: str, caption: str, name: str = "") -> None:
    from xml.etree import ElementTree

    for at, (tag, text) in enumerate((("title", title), ("desc", caption))):
        element = ElementTree.Element(tag, {"id": f"{name}-{tag}"} if name else {})
        element.text = text
        root.insert(at, element)


def _prune(parent: Element) -> None:
    """Without metadata, style sheets and shapes that paint nothing (matplotlib's own backgrounds)."""
    for child in list(parent):
        _prune(child)
        style = _declarations(child)
        unseen = child.tag == "path" and style.get("fill") == "none" and "stroke" not in style
        empty = child.tag in ("g", "defs") and not len(child)
        if child.tag in ("metadata", "style") or unseen or empty:
            parent.remove(child)


def _flatten(parent: Element) -> None:
    """Groups that say nothing give way to what they hold."""
    children: list[Element] = []
    for child in list(parent):
        _flatten(child)
        children += list(child) if child.tag == "g" and not child.attrib else [child]
    parent[:] = children


def _referenced(root: Element) -> Iterator[str]:
    """Ids that something refers to, each once, in order."""
    seen = set()
    for element in root.iter():
        href = element.attrib.get("href", "")
        found = [href.removeprefix("#")] if href.startswith("#") else []
        for value in element.attrib.values():
            found += REFERENCE.findall(value)
        for identity in found:
            if identity not in seen:
                seen.add(identity)
                yield identity


def _declarations(element: Element) -> dict[str, str]:
    pairs = (part.partition(":") for part in element.attrib.get("style", "").split(";") if ":" in part)
    return {key.strip(): value.strip() for key, _, value in pairs}


def _attributes(element: Element, ids: dict[str, str]) -> dict[str, str]:
    """The element's attributes, style among them, short and with the new ids."""
    found = {key: value for key, value in element.attrib.items() if key != "style"} | _declarations(element)
    if shorthand := re.search(r"(?:(bold|\d{3}) )?([\d.]+)px", found.get("font", "")):  # before matplotlib 3.10
        found["font-size"] = f"{shorthand[2]}px"
        if shorthand[1]:
            found["font-weight"] = shorthand[1]
    own = {"id": ids[element.attrib["id"]]} if element.attrib.get("id") in ids else {}
    for key, value in found.items():
        if key == "href":  # of a shape in the file, or a picture in itself
            own[key] = f"#{ids[value.removeprefix('#')]}" if value.startswith("#") else "".join(value.split())
        elif key not in DROPPED and not (key == "transform" and re.fullmatch(r"rotate\(-?0 [^)]*\)", value)):
            own[key] = _short(key, REFERENCE.sub(lambda match: ids[match[0]], value))
    if element.tag == "text" and own.get("fill") == INK:
        del own["fill"]  # the root's
    return own


def _short(key: str, value: str) -> str:
    """Two decimals of a point are a few thousandths of a millimetre: nobody sees more."""
    if key == "font-size":
        return value.removesuffix("px")
    if key in ("d", "transform", "x", "y", "width", "height", "stroke-width"):
        value = re.sub(r"-?\d+\.\d+", lambda match: f"{round(float(match[0]), 2) + 0.0:g}", value)
    if key == "d":
        value = re.sub(r"\s*([A-Za-z])\s*", r"\1", value)
        value = RECTANGLE.sub(r"M\1 \2H\3V\4H\1z", value)
    return value
