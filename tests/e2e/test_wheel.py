"""The built wheel, not the checkout: it must find its content folders and declare what it offers."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's files, unpacked as an installation would."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        str(ROOT),
        "--no-deps",
        "--no-build-isolation",
        "-q",
        "-w",
        str(folder),
    ]
    subprocess.run(command, check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run(installed: Path, code: str) -> str:
    environment = {"PYTHONPATH": str(installed), "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", code], cwd="/", env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_finds_all_four_content_folders(installed: Path) -> None:
    code = "from xling_bench.core import content; print(*[content.folder(n) for n in content.FOLDERS], sep='\\n')"
    folders = run(installed, code).split()
    assert [Path(f).parent for f in folders] == [installed / "xling_bench" / "_content"] * 4


def test_the_wheel_knows_what_comets_environment_is_made_of(installed: Path) -> None:
    out = run(installed, "from xling_bench.comet import environment as e; print(e.lock('comet'), e.pins()['torch'])")
    assert out.startswith(str(installed / "xling_bench" / "_content" / "requirements" / "comet.txt"))
    assert "['2." in out


def test_the_wheels_tasks_are_in_order(installed: Path) -> None:
    out = run(installed, "import sys; from xling_bench.cli.main import main; sys.exit(main(['tasks', 'check']))")
    assert "in order" in out


def test_the_wheel_puts_nothing_outside_its_package(installed: Path) -> None:
    (metadata,) = installed.glob("*.dist-info")
    assert sorted(p.name for p in installed.iterdir()) == sorted(["xling_bench", metadata.name])
    points = (metadata / "entry_points.txt").read_text(encoding="utf-8")
    assert "xling-bench = xling_bench.cli.main:script" in points
    assert "[lm_eval.tasks]" in points
