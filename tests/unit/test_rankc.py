"""RankC tables over run folders: which results belong together, and what is refused."""

import json
from pathlib import Path

import pytest

from xling_bench.core.errors import DataError
from xling_bench.results.tables.rankc import rankc_table

FACTS = {"model": "0123456789abcdef", "form": "bmlama17", "limit": None, "shots": 0, "demos": "none", "split": "test",
         "code": "c", "settings": {}, "items": 2, "metrics": {"p1": "x"}, "language": "x", "data": "d",
         "source": "files", "ids": "i", "template": "t", "lm_eval": "0.4.13", "xling_bench": "0.1.0"}  # fmt: skip


def unit(root: Path, language: str, scores: list[list[float]], **facts) -> Path:
    folder = root / f"xling-xglm_mlama_{language}" / "0-0-none"
    folder.mkdir(parents=True)
    task = f"xling-xglm_mlama_{language}"
    own = {"key": language, "unit": language, "family": "xglm", "benchmark": "mlama", "signature": "xling|task:x",
           "facts": {"task": task, **FACTS, **facts}}  # fmt: skip
    result = {"xling": own, "config": {"model_args": {"pretrained": "m"}}, "results": {task: {}}}
    (folder / "results.json").write_text(json.dumps(result))
    lines = [
        {"doc": {"id": f"bmlama17-{i}", "tokens": [1] * len(values)}, "filtered_resps": [[v, False] for v in values]}
        for i, values in enumerate(scores)
    ]
    (folder / "samples.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return root


def test_rankc_by_hand(tmp_path: Path) -> None:
    """Two candidates, one item ranked alike (1), one the other way round.

    Reversed: top-1 shares nothing, top-2 all: weights e and 1 -> 1 / (1 + e) = 0.26894. Mean 0.63447.
    """
    unit(tmp_path, "en", [[-1.0, -2.0], [-1.0, -2.0]])
    unit(tmp_path, "de", [[-3.0, -4.0], [-4.0, -3.0]])
    table = rankc_table([tmp_path])
    assert table["rankc"].tolist() == pytest.approx([63.447] * 3, abs=1e-3)
    assert table["other"].tolist() == ["en", "(mean)", "(mean)"]


def test_what_is_not_the_same_model_and_data_is_kept_apart(tmp_path: Path) -> None:
    scores = [[-1.0, -2.0], [-1.0, -2.0]]
    one = unit(unit(tmp_path / "a", "en", scores), "de", scores)
    other = unit(unit(tmp_path / "b", "en", scores, model="f" * 16), "de", scores, model="f" * 16)
    assert rankc_table([one, other])["model"].nunique() == 2
    with pytest.raises(DataError, match="no two languages"):
        rankc_table([unit(unit(tmp_path / "c", "en", scores), "de", scores, form="bmlama53")])
    with pytest.raises(DataError, match="en of m stands twice"):
        rankc_table([one, unit(tmp_path / "d", "en", scores)])
    with pytest.raises(DataError, match="2 samples, 5 items were scored"):
        rankc_table([unit(tmp_path / "e", "en", scores, items=5)])
    with pytest.raises(DataError, match="not parallel"):
        rankc_table([unit(unit(tmp_path / "f", "en", scores), "de", [[-1.0, -2.0, -3.0]] * 2)])
