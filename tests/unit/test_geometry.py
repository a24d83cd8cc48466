"""Representations on the page: read, drawn, and held against scores of the same models."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from represented import write_represent
from runs import write_run
from scipy.stats import spearmanr

from xling_bench.core.errors import DataError, UsageError
from xling_bench.report.alone import write_alone
from xling_bench.report.build import Options, write_report
from xling_bench.report.geometry import geometry_of, trajectory_planes
from xling_bench.report.measure import measure
from xling_bench.report.predicts import correlations, points_of
from xling_bench.results.frame import load_results
from xling_bench.results.represented import read_representation, read_trajectory

LANGUAGES = ("ar", "bg", "de", "el", "es", "fr", "sw", "zh")
MEXA = {language: 0.1 + 0.1 * at for at, language in enumerate(LANGUAGES)}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run whose accuracy rises with MEXA, but for two languages that change places."""
    shares = dict(zip(LANGUAGES, (0.40, 0.45, 0.50, 0.60, 0.55, 0.65, 0.70, 0.75), strict=True)) | {"en": 0.9}
    scores = {key: (np.arange(400) < 400 * share).astype(float) for key, share in shares.items()}
    return write_run(tmp_path / "run", scores, model="./some-checkpoint")


def fingerprint(run: Path) -> str:
    return str(load_results(run)["fingerprint"].iloc[0])


def test_alignment_is_held_against_scores_of_the_same_model(run: Path, tmp_path: Path) -> None:
    """Matched by content, whatever it is called; rho is scipy's, with an interval from eight languages on."""
    models = {"another name": MEXA, "stranger": MEXA}
    folder = write_represent(tmp_path / "states", models, [fingerprint(run), "0" * 16])
    measured = measure(load_results(run), draws=50)
    points, notes = points_of([read_representation(folder)], measured)
    assert [point.language for point in points] == list(LANGUAGES)
    assert notes == ["stranger: no run given is of this model, so its alignment stands beside no score"]
    [(point, model, _, found)] = correlations(points)
    expected = spearmanr([point.mexa for point in points], [point.score for point in points]).statistic
    assert (point.benchmark, model, found.n, found.rho) == ("xnli", points[0].model, 8, pytest.approx(expected))
    assert found.low is not None
    page = write_report([run], tmp_path / "site", Options(draws=50, represent=(folder,))).read_text(encoding="utf-8")
    assert f"{expected:.2f}" in page
    assert f"[{found.low:.2f}, {found.high:.2f}]" in page
    links = re.findall(r'<a href="#([\w-]+)">', page)
    assert {"representations", "layers-mexa", "map-1", "accuracy", "distances-another-name-"} <= {
        re.sub(r"[0-9a-f]{8}$", "", link) for link in links
    }
    assert not [link for link in links if f'id="{link}"' not in page]
    assert {path.name for path in (tmp_path / "site" / "figures").iterdir()} >= {"accuracy.svg", "map-1.png"}
    again = write_report([run], tmp_path / "again", Options(draws=50, represent=(folder,)))
    assert again.read_text(encoding="utf-8") == page
    plain = write_report([run], tmp_path / "site", Options(draws=50))
    assert "representations" not in plain.read_text(encoding="utf-8")
    assert not (tmp_path / "site" / "figures" / "accuracy.svg").exists()


def test_a_page_of_its_own_says_what_is_odd_and_shows_nothing_as_markup(tmp_path: Path) -> None:
    name = "</script><b>x"
    folder = write_represent(tmp_path / "states", {name: MEXA}, notes=["odd <i>note</i>"], answers=True)
    found = write_alone(folder, page=True)
    page = (folder / "index.html").read_text(encoding="utf-8")
    drawn = {path.stem for path in (folder / "figures").iterdir()}
    assert drawn == {*(figure.name for figure in found.figures), "list"}
    assert "odd &lt;i&gt;note&lt;/i&gt;" in page
    assert "&lt;b&gt;de&lt;/b&gt; 0" in page
    body = re.sub(r"(?s)<script.*?</script>", "", page)
    assert not re.search(r"<(b|i)>", body)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    write_alone(folder, page=True)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_page_and_figures_of_somebody_elses_stay(tmp_path: Path) -> None:
    folder = write_represent(tmp_path / "states", {"m": MEXA})
    (folder / "index.html").write_text("<p>mine</p>", encoding="utf-8")
    with pytest.raises(UsageError, match="no page of ours"):
        write_alone(folder, page=True)
    assert (folder / "index.html").read_text(encoding="utf-8") == "<p>mine</p>"
    (folder / "figures").mkdir()
    (folder / "figures" / "map.png").write_bytes(b"mine")
    write_alone(folder, page=False)
    assert (folder / "figures" / "map-1.png").exists()
    (folder / "alignment.json").write_text(
        (folder / "alignment.json").read_text(encoding="utf-8").replace('"maps": ["one.json"]', '"maps": []'),
        encoding="utf-8",
    )
    write_alone(folder, page=False)
    assert not (folder / "figures" / "map-1.png").exists()
    assert (folder / "figures" / "map.png").read_bytes() == b"mine"


def test_alignment_given_twice_is_said_and_the_first_one_stands(run: Path, tmp_path: Path) -> None:
    """Of other sentences, or of changed states: neither takes the place of what was given first, nor without a word."""
    mark, other = fingerprint(run), {key: 1.0 - value for key, value in MEXA.items()}
    first, second = (write_represent(tmp_path / name, {"m": mexa}, [mark])
                     for name, mexa in (("one", MEXA), ("two", other)))  # fmt: skip
    path = first / "alignment.json"
    whole = json.loads(path.read_text(encoding="utf-8"))
    changed = [record | {"intervention": "centre", "value": 0.9, "interval": None}
               for record in whole["records"] if record["measure"] == "mexa_mean"]  # fmt: skip
    fewer = [record | {"n": 50, "value": 0.8, "interval": None}
             for record in whole["records"] if record["measure"] == "mexa_mean"]  # fmt: skip
    path.write_text(json.dumps(whole | {"records": [*whole["records"], *changed, *fewer]}), encoding="utf-8")
    measured = measure(load_results(run), draws=50)
    points, notes = points_of([read_representation(folder) for folder in (first, second)], measured)
    assert {point.language: point.mexa for point in points} == pytest.approx(MEXA)
    assert len(notes) == 1
    assert "its alignment was given several times; the scatter has what was given first" in notes[0]


def test_answers_of_an_earlier_command_are_not_shown(tmp_path: Path) -> None:
    folder = write_represent(tmp_path / "states", {"m": MEXA}, answers=True)
    path = folder / "alignment.json"
    whole = json.loads(path.read_text(encoding="utf-8"))
    assert len(read_representation(folder).answers) == 1
    whole["records"] = [record for record in whole["records"] if not record["measure"].startswith("answers_")]
    path.write_text(json.dumps(whole), encoding="utf-8")
    assert read_representation(folder).answers == []


def test_the_path_of_a_training(tmp_path: Path) -> None:
    """A folder with alignment.jsonl is a training's: a point a step, in the plane of both measures."""
    folder = tmp_path / "train"
    folder.mkdir()
    lines = [{"step": step, "records": [
        {"pair": "en-de", "layer": 1, "pooling": "mean", "measure": name, "value": value, "interval": None, "n": 50}
        for name, value in (("alignment", 1.0 - step / 100), ("uniformity", -step / 50), ("retrieval_weak", 0.5))
    ]} for step in (0, 10, 20)]  # fmt: skip
    (folder / "alignment.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")
    [figure] = geometry_of([folder]).figures
    assert figure.name == "trajectory"
    assert all(f">{step}<" in figure.inline for step in (0, 10, 20))
    [plane] = trajectory_planes([read_trajectory(folder)])
    assert [(dot.label, dot.x, dot.y) for dot in plane.dots] == [("0", 0.0, 1.0), ("10", -0.2, 0.9), ("20", -0.4, 0.8)]
    other = [lines[2] | {"data": "others", "step": 30}]
    text = "\n".join(map(json.dumps, [*lines, *other])) + "\n"
    (folder / "alignment.jsonl").write_text(text, encoding="utf-8")
    [plane] = trajectory_planes([read_trajectory(folder)])
    assert [dot.group for dot in plane.dots] == [*["train, en-de, part 1"] * 3, "train, en-de, part 2"]
    (folder / "alignment.jsonl").write_text('{"step": 0}\n', encoding="utf-8")
    with pytest.raises(DataError, match="missing or unexpected field 'records'"):
        geometry_of([folder])


@pytest.mark.parametrize(("change", "said"), [
    (lambda whole: whole.pop("records"), "field 'records'"),
    (lambda whole: whole.update(format=2), "format 2; this version reads 1"),
    (lambda whole: whole["records"][0].update(value="high"), "not in the shape"),
    (lambda whole: whole["records"][0].update(signature="lost"), "no signature lost"),
    (lambda whole: whole.update(maps=["gone.json"]), "gone.json"),
    (lambda whole: whole["signatures"]["own0"].pop("weights"), "does not say whose weights"),
])  # fmt: skip
def test_damaged_folders_are_named(change, said: str, tmp_path: Path) -> None:
    folder = write_represent(tmp_path / "states", {"m": MEXA})
    path = folder / "alignment.json"
    whole = json.loads(path.read_text(encoding="utf-8"))
    change(whole)
    path.write_text(json.dumps(whole), encoding="utf-8")
    with pytest.raises(DataError, match=said):
        geometry_of([folder])
    with pytest.raises(DataError, match=r"expected the folder of `xling-bench represent`"):
        geometry_of([tmp_path / "nowhere"])
