"""Every method learns what it is for, from 200 fixed pairs and tasks: in 30 updates, and four of them in 300."""

import os
from pathlib import Path

import pytest
from learning import HEADER, Bench, Row

from xling_bench.training.recipe import named

pytestmark = pytest.mark.slow
LONG = ("afp", "xllama", "commit", "clm")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    root = os.environ.get("XLING_DATA_DIR")
    return Bench(tmp_path_factory.mktemp("learning"), Path(root) if root else None)


def test_every_method_moves_its_quantities_in_30_updates(bench: Bench) -> None:
    rows: list[Row] = []
    print(HEADER)
    for method in named()["method"]:
        for row in bench.rows(method, 30):
            print(row, flush=True)
            rows.append(row)
    assert [str(row) for row in rows if not row.moved] == []


@pytest.mark.parametrize("method", LONG)
def test_more_updates_move_more(bench: Bench, method: str) -> None:
    few, many = ({row.loss: row for row in bench.rows(method, n)} for n in (30, 300))
    for loss, row in many.items():
        print(row)
        assert row.moved, row
        assert abs(row.change) > abs(few[loss].change), row
