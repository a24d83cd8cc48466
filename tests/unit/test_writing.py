"""What is written is whole or not there, whatever stops the writer."""

import errno
import os
from pathlib import Path

import pytest

from xling_bench.core.errors import OutputError
from xling_bench.core.files import write_bytes
from xling_bench.training.checkpoint import publish, restore


def test_a_full_disk_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "table.csv"
    write_bytes(path, b"old")

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left on device"):
        write_bytes(path, b"new")
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("table.csv", b"old")]


@pytest.mark.parametrize("stopped", [1, 2])
def test_a_checkpoint_is_replaced_by_a_whole_one_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped: int
) -> None:
    """Stopped at its first or second rename; the run that goes on calls `restore`."""
    staged, final = tmp_path / ".saving" / "checkpoint-2", tmp_path / "checkpoint-2"
    for folder, text in ((staged, "new"), (final, "old")):
        folder.mkdir(parents=True)
        (folder / "weights").write_text(text)
    rename, seen = Path.rename, []

    def killed(self: Path, target: Path) -> Path:
        seen.append(self)
        if len(seen) == stopped:
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        publish(staged, final)
    restore(tmp_path)
    assert (final / "weights").read_text() == "old"
    publish(staged, final)
    assert (final / "weights").read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".saving", "checkpoint-2"]
