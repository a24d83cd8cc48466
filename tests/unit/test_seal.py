"""What is missing from a run's folder, or was changed there, is said by every reader."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from report_runs import xnli_texts
from runs import outcomes, write_run

from xling_bench import load_results
from xling_bench.cli.main import main
from xling_bench.core.errors import DataError, OutputError
from xling_bench.evaluation.partial import PartialTexts
from xling_bench.evaluation.units import read_result
from xling_bench.results.seal import sealed

READERS = (["table"], ["table", "--intervals"], ["report", "-o", "site"], ["gate", "--candidate", "RUN", "--baseline"])


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_run(tmp_path / "run", outcomes(60, ("en", "ar", "sw")), texts=xnli_texts)


def unit(run: Path) -> Path:
    return run / "xling_xnli_ar" / "0-0-none"


def flip(path: Path, text: str) -> None:
    """Turn one bit of the first place where `text` stands."""
    data = bytearray(path.read_bytes())
    data[data.index(text.encode())] ^= 1
    path.write_bytes(data)


def read_by_all(run: Path, capsys: pytest.CaptureFixture[str]) -> list[tuple[int, str]]:
    """(exit code, all that was said) of every command that reads runs."""
    found = []
    for command in READERS:
        code = main([part.replace("RUN", str(run)) for part in command] + [str(run)])
        printed = capsys.readouterr()
        found.append((code, printed.err + printed.out))
    return found


def test_a_sound_run_is_read_without_a_word(run: Path, capsys) -> None:
    for code, said in read_by_all(run, capsys):
        assert code == 0
        assert "checksum" not in said


def damage_samples(run: Path) -> None:
    (unit(run) / "samples.jsonl").write_bytes(b"")


def lose_samples(run: Path) -> None:
    (unit(run) / "samples.jsonl").unlink()


def lose_samples_and_items(run: Path) -> None:
    lose_samples(run)
    (run / "items.parquet").unlink()


def lose_results(run: Path) -> None:
    (unit(run) / "results.json").unlink()


def break_link(run: Path) -> None:
    lose_results(run)
    (unit(run) / "results.json").symlink_to("nowhere.json")


def change_facts(run: Path) -> None:
    flip(unit(run) / "results.json", "data-ar")


def change_value(run: Path) -> None:
    path = unit(run) / "results.json"
    result = json.loads(path.read_text(encoding="utf-8"))
    result["results"]["xling_xnli_ar"]["acc,none"] += 1e-9  # less than its items' mean is checked to
    path.write_text(json.dumps(result), encoding="utf-8")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (damage_samples, "samples.jsonl has 0 bytes"),
        (lose_samples_and_items, "samples.jsonl is gone"),
        (lose_results, "results.json is not there: this result is lost"),
        (break_link, "results.json is a link that leads nowhere"),
        (change_facts, "was changed after it was written"),
        (change_value, "was changed after it was written"),
    ],
)
def test_every_reader_says_what_is_gone_or_changed(run: Path, capsys, damage, said: str) -> None:
    damage(run)
    for code, printed in read_by_all(run, capsys):
        assert code == 2
        assert said in printed


def test_a_run_without_its_texts_gives_the_same_numbers_and_says_what_it_lacks(run: Path, tmp_path: Path, capsys):
    """A folder as people share it where the benchmark's licence keeps its texts at home."""
    whole = [said for _, said in read_by_all(run, capsys)]
    lose_samples(run)
    found = read_by_all(run, capsys)
    assert [code for code, _ in found] == [0, 0, 0, 0]
    page = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert "1 number without samples.jsonl: items&#39; texts and answers are not shown." in page
    for (_, said), before in zip(found, whole, strict=True):
        assert [row for row in said.splitlines() if row.startswith("|")] == [
            row for row in before.splitlines() if row.startswith("|")
        ]
    (run / "items.parquet").write_bytes(b"PAR1")
    assert {code for code, _ in read_by_all(run, capsys)} == {2}


def test_a_changed_text_is_seen_where_texts_are_read(run: Path, tmp_path: Path, capsys) -> None:
    flip(unit(run) / "samples.jsonl", "premise")
    assert main(["report", str(run), "-o", str(tmp_path / "site")]) == 2
    assert "samples.jsonl was changed after it was written" in capsys.readouterr().err
    (run / "items.parquet").unlink()  # scores then come from the samples
    with pytest.raises(DataError, match=r"samples\.jsonl was changed"):
        load_results(run)


def test_changed_item_scores_are_seen_though_their_mean_is_the_same(run: Path) -> None:
    path = run / "items.parquet"
    frame = pd.read_parquet(path)
    for name, values in (("score", frame["score"].to_numpy()[::-1]), ("choice", 0), ("cluster", frame["item"].iloc[0])):
        frame.assign(**{name: values}).to_parquet(path, index=False)
        with pytest.raises(DataError, match=r"items\.parquet: item scores of xling_xnli_.* were changed\. Delete it"):
            load_results(run)
    frame.to_parquet(path, index=False)
    assert len(load_results(run)) == 3


def test_scores_without_items_are_not_taken_for_unrecorded(run: Path) -> None:
    """An older version's folder, which has no checksums, with an emptied samples file."""
    for path in run.glob("*/*/results.json"):
        result = json.loads(path.read_text(encoding="utf-8"))
        del result["xling"]["checksums"]
        path.write_text(json.dumps(result), encoding="utf-8")
    assert ["3 results of a version that kept no checksums" in note for note in load_results(run).attrs["notes"]] == [
        True
    ]
    (run / "items.parquet").unlink()
    damage_samples(run)
    with pytest.raises(DataError, match=r"no scores of acc; 60 items were scored"):
        load_results(run)


def test_results_that_were_asked_for_and_never_came_are_named(run: Path, tmp_path: Path, capsys) -> None:
    asked = [f"xling_xnli_{unit}/0-0-none" for unit in ("ar", "en", "fr", "sw")]
    (run / "run.json").write_text(json.dumps({"units": asked}), encoding="utf-8")
    for code, said in read_by_all(run, capsys):
        assert code == 0
        if "site" not in said:
            assert "run: 1 of 4 results that were asked for are not there (xling_xnli_fr/0-0-none)" in said
    assert "1 of 4 results that were asked for" in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    shutil.rmtree(unit(run))
    assert "2 of 4 results" in load_results(run).attrs["notes"][0]


def test_a_result_whose_key_is_not_that_of_its_facts_is_refused_by_run(run: Path) -> None:
    path = unit(run) / "results.json"
    result = json.loads(path.read_text(encoding="utf-8"))
    assert read_result(unit(run)).key == result["xling"]["key"]
    result["xling"]["facts"]["data"] = "other"
    path.write_text(json.dumps(sealed(result, None)), encoding="utf-8")
    with pytest.raises(OutputError, match="its key is not that of its facts"):
        read_result(unit(run))


def test_a_kept_text_that_was_changed_is_made_again(tmp_path: Path) -> None:
    path, header = tmp_path / "kept.jsonl", {"key": "k"}
    written = PartialTexts(path, header, print)
    written.load()
    written.add({"1": "eins", "2": "zwei", "3": "drei"})
    flip(path, "zwei")
    again = PartialTexts(path, header, print)
    again.load()
    assert again.texts == {"1": "eins"}
