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
from xling_bench.report.geometry import geometry_of
from xling_bench.report.measure import measure
from xling_bench.report.predicts import correlations, points_of
from xling_bench.results.frame import load_results
from xling_bench.results.represented import read_representation

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
    assert {"representations", "layers-mexa", "map-1", "accuracy", "distances-another-name-" } <= {
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
    assert {path.stem for path in (folder / "figures").iterdir()} == {figure.name for figure in found.figures}
    assert "odd &lt;i&gt;note&lt;/i&gt;" in page
    assert "&lt;b&gt;de&lt;/b&gt; 0" in page
    body = re.sub(r"(?s)<script.*?</script>", "", page)
    assert not re.search(r"<(b|i)>", body)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    write_alone(folder, page=True)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_page_of_somebody_elses_stays(tmp_path: Path) -> None:
    folder = write_represent(tmp_path / "states", {"m": MEXA})
    (folder / "index.html").write_text("<p>mine</p>", encoding="utf-8")
    with pytest.raises(UsageError, match="no page of ours"):
        write_alone(folder, page=True)
    assert (folder / "index.html").read_text(encoding="utf-8") == "<p>mine</p>"


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
    (folder / "alignment.jsonl").write_text('{"step": 0}\n', encoding="utf-8")
    with pytest.raises(DataError, match="missing or unexpected field 'records'"):
        geometry_of([folder])


@pytest.mark.parametrize(("change", "said"), [
    (lambda whole: whole.pop("records"), "field 'records'"),
    (lambda whole: whole.update(format=2), "format 2; this version reads 1"),
    (lambda whole: whole["records"][0].update(value="high"), "not in the shape"),
    (lambda whole: whole["records"][0].update(signature="lost"), "no signature lost"),
    (lambda whole: whole.update(maps=["gone.json"]), "gone.json"),
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
