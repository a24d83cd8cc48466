"""Real items of Belebele, Global-MMLU-Lite and AfriMMLU: whole, parallel, clustered, and right where the gold is."""

from pathlib import Path

import pytest
from official_files import LITE, write_belebele, write_lite

from xling_bench.catalog import get_benchmark
from xling_bench.core.errors import MissingDataError
from xling_bench.core.row import Row
from xling_bench.data.check import check_data
from xling_bench.data.source import Loaded, Source, load

pytestmark = pytest.mark.data
ALL = ("Belebele", "global_mmlu_lite", "irokobench")


@pytest.fixture(scope="module")
def official(real_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the official layouts of all three."""
    folder = tmp_path_factory.mktemp("official")
    write_belebele(real_files, folder)
    write_lite(real_files, folder)
    (folder / "irokobench").symlink_to(real_files / "irokobench")
    return folder


def present(folder: Path, key: str, split: str = "test") -> dict[str, Loaded]:
    found = {}
    for unit in get_benchmark(key).units():
        try:
            found[str(unit)] = load(get_benchmark(key), unit, split, Source("files", folder))
        except MissingDataError:
            continue
    return found


def golds(rows: list[Row]) -> dict[object, object]:
    return {row["id"]: row["label"] for row in rows}


def test_counts_are_the_published_ones_and_a_part_is_called_one(official: Path) -> None:
    keys = ("belebele", "global_mmlu_lite", "afrimmlu")
    rows = {(r.benchmark, r.unit, r.split): r for r in check_data(keys, Source("files", official)) if not r.missing}
    assert not [r.error for r in rows.values() if r.error]
    assert {unit for key, unit, _ in rows if key == "belebele"} == {"de", "en", "jv"}
    assert {unit for key, unit, _ in rows if key == "global_mmlu_lite"} == set(LITE)
    folders = list((official / "irokobench/afrimmlu").iterdir())
    assert len({unit for key, unit, _ in rows if key == "afrimmlu"}) == len(folders)
    deviating = {place: r.deviation for place, r in rows.items() if r.deviation}
    assert deviating.keys() == {("belebele", "jv", "test")}
    assert "280 rows" in deviating["belebele", "jv", "test"]
    assert {r.agreement for place, r in rows.items() if place[0] == "afrimmlu"} == {"as published"}
    assert {r.agreement for place, r in rows.items() if place[0] != "afrimmlu"} - {"not as published"} == {
        "as many rows as published"  # others' copies: the official files' hashes are not known
    }


def test_belebele_is_parallel_and_clustered_by_passage(official: Path) -> None:
    found = present(official, "belebele")
    assert golds(found["de"].rows) == golds(found["en"].rows)
    assert golds(found["jv"].rows).keys() < golds(found["en"].rows).keys()
    assert {len(set(found[unit].clusters.values())) for unit in ("de", "en")} == {488}
    assert found["de"].clusters == found["en"].clusters
    numbers = {number for row in found["en"].rows for number in [str(row["id"]).rpartition("-")[2]]}
    assert numbers == {"1", "2"}


def test_half_of_global_mmlu_lite_is_culturally_sensitive(official: Path) -> None:
    found = present(official, "global_mmlu_lite")
    for unit, loaded in found.items():
        assert golds(loaded.rows) == golds(found["en"].rows), unit
        marks = [row["culture"] for row in loaded.rows]
        assert (marks.count("CS"), marks.count("CA")) == (200, 200), unit
    assert {row["culture"] for row in present(official, "global_mmlu_lite", "dev")["vi"].rows} == {"-"}


def test_items_of_afrimmlu_that_share_an_id_share_the_right_answer(official: Path) -> None:
    found = {unit: golds(loaded.rows) for unit, loaded in present(official, "afrimmlu").items()}
    for unit, own in found.items():
        shared = own.keys() & found["fr"].keys()
        assert {name: own[name] for name in shared} == {name: found["fr"][name] for name in shared}, unit
    alone = {unit: len(own.keys() - found["fr"].keys()) for unit, own in found.items()}
    assert {unit: number for unit, number in alone.items() if number} == {"en": 13, "ha": 2, "lg": 14, "ln": 2}


def test_numbers_in_questions_are_those_of_the_translations(official: Path) -> None:
    """Evidence that ids name translations that has nothing to do with right answers: digits are not translated."""
    found = {
        unit: {row["id"]: sorted(filter(str.isdigit, str(row["question"]))) for row in loaded.rows}
        for unit, loaded in present(official, "afrimmlu").items()
    }
    for unit, digits in found.items():
        shared = [name for name in digits if name in found["fr"] and found["fr"][name]]
        assert sum(digits[name] == found["fr"][name] for name in shared) > 0.75 * len(shared), unit
