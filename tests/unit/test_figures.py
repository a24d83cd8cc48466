"""Figures: what is drawn is what the table says, whatever the models are called."""

import re
import struct
from xml.etree.ElementTree import Element

import matplotlib
import pandas as pd
import pytest
from defusedxml.ElementTree import fromstring

from xling_bench.core.text import flat
from xling_bench.report.figures import Figure, before_after, gap_bars, heat_map
from xling_bench.report.labels import ELLIPSIS, LONGEST, labels, slug

SVG = "{http://www.w3.org/2000/svg}"
HOLLOW = "none"
HOSTILE = (
    "</text><script>alert(1)</script>",
    "a&b<c>\"d'$\\frac{x}{$",
    "line\nfeed\x00nul\u202ebidi",
    "模型 हिन्दी العربية 🙂 \u0301",
    "x" * 10_000,
    "x" * 9_999 + "y" + "x" * 9_999,
    "../../etc/CON.",
    "",
)


def row(model: str, benchmark: str, language: str, value: float, **more) -> dict:
    base = {"model": model, "benchmark": benchmark, "family": "f", "shots": 0, "demos": "none", "metric": "acc"}
    score = {"value": value, "low": value - 2, "high": value + 2, "n": 100, "at_chance": False}
    return {**base, "language": language, **score, **more}


def gap_row(model: str, benchmark: str, gap: float | None, **more) -> dict:
    base = {"model": model, "benchmark": benchmark, "family": "f", "shots": 0, "demos": "none", "metric": "acc"}
    low, high = (None, None) if gap is None else (gap - 1, gap + 1)
    return {
        **base,
        "languages": 4,
        "gap": gap,
        "gap_low": low,
        "gap_high": high,
        "gap_is": "measured",
        "at_chance": 0,
        **more,
    }


def spread(*rows: dict) -> pd.DataFrame:
    table = pd.DataFrame(rows).astype({"languages": "Int64", "at_chance": "Int64"})
    return table.astype({"gap": "float64", "gap_low": "float64", "gap_high": "float64"})


CELLS = pd.DataFrame(
    [
        row("early", "xnli", "en", 61.25),
        row("early", "xnli", "de", 33.4, at_chance=True),
        row("early", "xnli", "sw", 30.04, shots=5, demos="same"),
        row("early", "xcopa", "sw", 100.0),
        row("early", "flores", "en-de", 20.0, metric="chrf", low=None, high=None, at_chance=None),
        row("early", "flores", "fr-de", 30.0, metric="chrf", low=None, high=None, at_chance=None),
        row("early", "mlqa", "de", 12.0, metric="f1", at_chance=None),
        row("early", "mlqa", "de-sw", 11.0, metric="f1", at_chance=None),
        row("late", "xnli", "en", 71.5),
        row("late", "xnli", "de", 33.1, at_chance=True),
        row("late", "xnli", "fr", 55.0),
        row("late", "mlqa", "de", 10.0, metric="f1", at_chance=None),
        row("late", "mlqa", "de-sw", 13.0, metric="f1", at_chance=None),
    ]
)


def texts(figure: Figure) -> list[str]:
    return [element.text or "" for element in fromstring(figure.svg).iter(f"{SVG}text")]


def numbers(figure: Figure) -> list[str]:
    return [text for text in texts(figure) if re.fullmatch(r"[+−]?\d+\.\d", text)]


def filled(figure: Figure, pattern: str, tag: str = "path") -> list[Element]:
    found = fromstring(figure.svg).iter(SVG + tag)
    return [element for element in found if re.fullmatch(pattern, element.get("fill", ""))]


def height(element: Element) -> float:
    ends = [float(y) for y in re.findall(r"(?:M\S+ |V)(-?[\d.]+)", element.attrib["d"])]
    return ends[0] - ends[1]


def well_formed(figure: Figure) -> None:
    """Stand-alone, embedded and picture are each what they should be."""
    for text in (figure.svg.decode(), figure.inline):
        root = fromstring(text)
        assert not [element.tag for element in root.iter() if "script" in element.tag or "style" in element.tag]
        assert (root[0].text, root[1].text) == (figure.title, figure.caption)
        used = set(re.findall(r'(?:url\(#|href="#)([^")]+)', text))
        assert used <= set(re.findall(r' id="([^"]+)"', text))
    assert figure.png.startswith(b"\x89PNG")
    assert b"Software" not in figure.png
    width, _, _ = struct.unpack(">IIB", figure.png[16:25])
    points = float(re.search(r'width="([\d.]+)pt"', figure.svg.decode())[1])
    assert width == pytest.approx(points / 72 * 150, abs=1)
    root = fromstring(figure.inline)
    assert root.get("role") == "img"
    assert "width" not in root.attrib
    assert "max-width" in root.attrib["style"]
    assert all(identity.startswith(f"{figure.name}-") for identity in re.findall(r' id="([^"]+)"', figure.inline))
    assert root.get("fill") == "currentColor"
    assert "#222222" not in figure.inline
    assert not [element for element in root.iter(f"{SVG}rect") if element.get("width") == "100%"]


def test_the_map_prints_every_score_and_hatches_what_is_missing() -> None:
    figure = heat_map(CELLS, "early")
    assert figure is not None
    well_formed(figure)
    assert figure.name == "heatmap-early"
    # by panel, language and benchmark; FLORES into German is the mean of two, MLQA's pair is left out
    assert numbers(figure) == ["61.2", "25.0", "12.0", "33.4", "100.0", "30.0"]
    assert [text for text in texts(figure) if text in ("en", "de", "sw")] == ["en", "de", "sw"]
    assert {"0 shots", "5 shots"} < set(texts(figure))
    missing = 3 * 4 - 5 + (3 * 1 - 1)  # languages by benchmarks, in each panel
    hatched = [abs(height(path)) for path in filled(figure, r"url\(#.*\)") if "d" in path.attrib]
    # neighbours in a column are one patch; the last one is the key's; a cell is 0.19 inches high, 0.02 of it the gap
    assert sum(hatched[:-1]) + 0.02 * 72 * len(hatched[:-1]) == pytest.approx(missing * 0.19 * 72, abs=0.5)
    for words in ("hatched ones were not measured", "that guessing explains", "FLORES: by target", "MLQA: pairs"):
        assert words in figure.caption


def test_the_map_s_colours_start_at_chance() -> None:
    rows = [row("m", "xnli", "en", 100 / 3), row("m", "xnli", "de", 100.0), row("m", "xnli", "fr", 20.0)]
    figure = heat_map(pd.DataFrame(rows), "m")
    assert figure is not None
    first, _, last = (matplotlib.colors.to_hex(matplotlib.colormaps["cividis"](share)) for share in (0.0, 0.5, 1.0))
    assert [path.get("fill") for path in filled(figure, "#.*")][:3] == [first, last, first]
    inks = {text.text: text.get("fill") for text in fromstring(figure.svg).iter(f"{SVG}text")}
    assert (inks["33.3"], inks["100.0"]) == ("#ffffff", "#101010")
    assert "hatched" not in figure.caption


def test_bars_are_as_high_as_the_gaps() -> None:
    table = spread(
        gap_row("a", "xnli", 10.0),
        gap_row("b", "xnli", 5.0),
        gap_row("a", "xcopa", -2.5, at_chance=3, gap_is="at least"),  # English works: a gap, from below
        gap_row("b", "xcopa", 4.0, at_chance=4, gap_is="nothing"),
        gap_row("a", "indicqa", None),
        gap_row("c", "xnli", 1.0),
        gap_row("a", "xnli", 3.0, shots=5, demos="en"),
    )
    figures = gap_bars(table, most=2)
    assert [figure.name for figure in figures] == ["gaps-0", "gaps-5-en"]
    for figure in figures:
        well_formed(figure)
    first = figures[0]
    solid = [path for path in filled(first, r"#0072b2|url\(#.*\)") if "d" in path.attrib]
    ratio = [round(height(path) / height(solid[0]), 2) for path in solid[:3]]
    assert ratio == [1.0, 0.5, -0.25]
    hollow = [path for path in filled(first, "none") if path.get("stroke") == "#e69f00"]
    assert [round(height(path) / height(max(solid, key=height)), 2) for path in hollow] == [0.4]
    assert any("arrow: at least" in text for text in texts(first))
    assert not any("arrow" in text for text in texts(figures[1]))
    for words in (
        "1 is hollow, where English is at chance",
        "1 with an arrow is at least what is shown",
        "1 more model is left out",
        "IndicQA left out",
        "95 % bootstrap intervals",
    ):
        assert words in first.caption
    assert "left out" not in figures[1].caption
    assert "5 shots, en demos" in figures[1].title


def test_two_figures_share_a_page() -> None:
    table = spread(*(gap_row(m, "xnli", 3.0, shots=shots) for shots in (0, 5) for m in "abc"))
    first, second = (re.findall(r' id="([^"]+)"', figure.inline) for figure in gap_bars(table))
    assert len(first) > 3  # hatches are referred to by id
    assert not set(first) & set(second)
    assert len(set(first)) == len(first)


def test_before_and_after() -> None:
    figures = before_after(CELLS, "early", "late")
    assert [figure.name for figure in figures] == ["before-after-mlqa-0", "before-after-xnli-0"]
    mlqa, xnli = figures
    for figure in figures:
        well_formed(figure)
    assert numbers(xnli) == ["+10.2", "−0.3"]
    assert numbers(mlqa) == ["−2.0"]
    assert "chance" in texts(xnli)
    assert "chance" not in texts(mlqa)
    marks = fromstring(xnli.svg).iter(f"{SVG}use")
    blue = [mark for mark in marks if mark.get("stroke") == "#0072b2"]
    (ring,) = [mark for mark in blue if mark.get("fill-opacity") == "0" or mark.get("fill") == "none"]
    (dot,) = [mark for mark in blue if mark.get("fill") == "#0072b2"]
    assert float(dot.attrib["x"]) > float(ring.attrib["x"])
    assert "1 grey where both models are at chance" in xnli.caption
    assert "left out, as only one model has them: fr" in xnli.caption
    assert "1 pair left out" in mlqa.caption


def test_the_same_table_gives_the_same_bytes() -> None:
    table = spread(gap_row("a", "xnli", 1.0), gap_row("b", "xnli", 2.0))
    with matplotlib.rc_context({"font.size": 30, "lines.linewidth": 9}):  # somebody's own matplotlibrc
        again = [heat_map(CELLS.sample(frac=1, random_state=3), "early"), *gap_bars(table)]
        again += before_after(CELLS, "early", "late")
        assert matplotlib.rcParams["font.size"] == 30
    assert [heat_map(CELLS, "early"), *gap_bars(table), *before_after(CELLS, "early", "late")] == again
    for secret in (b"Date", b"dc:", b"Matplotlib", b"DejaVu"):
        assert secret not in again[0].svg


def test_nothing_to_draw() -> None:
    assert heat_map(CELLS, "other") is None
    assert heat_map(CELLS.iloc[:0], "early") is None
    assert gap_bars(spread(gap_row("a", "xnli", None))) == []
    assert gap_bars(spread(gap_row("a", "xnli", 1.0)).iloc[:0]) == []
    assert before_after(CELLS[CELLS["language"] != "de"], "late", "other") == []
    nothing = pd.DataFrame(
        [row("a", "xnli", "de", 40.0), row("b", "xnli", "fr", 40.0), row("b", "xnli", "de", float("nan"))]
    )
    assert before_after(nothing, "a", "b") == []
    assert heat_map(nothing.assign(value=None), "a") is None


@pytest.mark.long
def test_hostile_names_are_only_names() -> None:
    rows = [row(name, "xnli", unit, 40.0) for name in HOSTILE for unit in ("en", "de")]
    figures = gap_bars(spread(*(gap_row(name, "xnli", 3.0) for name in HOSTILE)))
    for name in HOSTILE:
        found = [heat_map(pd.DataFrame(rows), name), *before_after(pd.DataFrame(rows), name, HOSTILE[0])]
        figures += [figure for figure in found if figure is not None]
    assert len(figures) == 1 + 2 * len(HOSTILE)
    for figure in figures:
        well_formed(figure)
        assert re.fullmatch("[A-Za-z0-9-]{1,80}", figure.name)
        assert flat(figure.title + figure.caption) == figure.title + figure.caption
        assert all(len(text) <= LONGEST + len("before: ") for text in texts(figure))
    drawn = texts(figures[0])
    assert "a&b<c>\"d'$\\frac{x}{$" in drawn  # no mathtext
    assert "模型 हिन्दी العربية 🙂 \u0301" in drawn
    assert "line feed[U+0000]nul[U+202E]bidi" in drawn


def test_names_stay_apart() -> None:
    called = labels(HOSTILE)
    assert len(set(called.values())) == len(HOSTILE)
    assert all(ELLIPSIS in called["x" * n] for n in (10_000,))
    files = [slug(name) for name in (*HOSTILE, "Early", "early", "ear ly", "early-", "", slug("Early"))]
    assert len(set(files)) == len(set(HOSTILE)) + 5
    assert slug("early") == "early"
