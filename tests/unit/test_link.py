"""`link` / `unlink`: explicit, stamped, reversible, and never touching what is not ours."""

from pathlib import Path

import pytest

from xling_bench.catalog.compiled import present
from xling_bench.core.errors import OutputError
from xling_bench.harness.link import link, linked_version, unlink


def test_link_copies_all_and_unlink_leaves_nothing(tmp_path: Path, compiled: dict[str, str]) -> None:
    folder = tmp_path / "tasks" / "xling_bench"
    assert linked_version(folder) is None
    link(folder)
    assert present(folder) == set(compiled)
    assert linked_version(folder) == "0.1.0"
    link(folder)  # an older link is replaced
    assert present(folder) == set(compiled)
    unlink(folder)
    assert not folder.exists()
    assert "nothing is linked" in unlink(folder)


def test_a_file_somebody_put_there_survives(tmp_path: Path) -> None:
    folder = tmp_path / "xling_bench"
    link(folder)
    (folder / "xnli" / "mine.yaml").write_text("task: mine\n")
    assert "mine.yaml" in unlink(folder)
    assert present(folder) == {"xnli/mine.yaml"}


def test_a_link_cut_short_can_be_undone_and_a_damaged_stamp_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "xling_bench"
    link(folder)
    for path in list(folder.rglob("*.yaml"))[:500]:
        path.unlink()
    unlink(folder)
    assert not folder.exists()
    link(folder)
    for damage in ("{", '{"version": "0.1.0", "files": ["../../outside"]}'):
        (folder / "xling_bench.json").write_text(damage)
        with pytest.raises(OutputError, match="damaged"):
            unlink(folder)


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "xling_bench"
    folder.mkdir()
    (folder / "mine.yaml").write_text("task: mine\n")
    for action in (link, unlink):
        with pytest.raises(OutputError, match="not made by"):
            action(folder)
    assert (folder / "mine.yaml").read_text() == "task: mine\n"
