"""`link` / `unlink`: explicit, stamped, reversible, and never touching what is not ours."""

from pathlib import Path

import pytest

from xling_bench.catalog.compile import compile_all
from xling_bench.catalog.files import present
from xling_bench.errors import OutputError
from xling_bench.harness.link import link, linked_version, unlink


def test_link_copies_all_and_unlink_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "tasks" / "xling_bench"
    assert linked_version(folder) is None
    link(folder)
    assert present(folder) == set(compile_all())
    assert linked_version(folder) == "0.1.0"
    (folder / "xnli" / "stale.yaml").write_text("task: old\n")
    link(folder)  # an older link is replaced whole
    assert present(folder) == set(compile_all())
    unlink(folder)
    assert not folder.exists()
    assert "nothing is linked" in unlink(folder)


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "xling_bench"
    folder.mkdir()
    (folder / "mine.yaml").write_text("task: mine\n")
    for action in (link, unlink):
        with pytest.raises(OutputError, match="not made by"):
            action(folder)
    assert (folder / "mine.yaml").read_text() == "task: mine\n"
