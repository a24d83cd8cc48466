"""Write reports/example/: three states of the demo's model on the built-in sample. `make example`, three minutes."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from xling_bench.demo import LANGUAGES, train
from xling_bench.report.build import Options, write_report

ROOT = Path(__file__).resolve().parents[2]
STEPS = {"untrained": 1, "early": 60, "late": 400}
TASKS = ("xling_xnli", "xling_pawsx", "xling_xcopa", "xling_xquad", "xling_flores_en_*", "xling-native_xnli_*")
KEPT = ("index.html", "leaderboard.md")


def main() -> int:
    from xling_bench.api import evaluate

    os.environ["XLING_DATA"] = "sample"
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)  # so that models are called by their names alone
        for model, steps in STEPS.items():
            train(Path(model), steps)
            report = evaluate(f"hf:{model}", output=f"runs/{model}", tasks=TASKS, langs=LANGUAGES, shots=(0, 2))
            if report.failed:
                sys.stderr.write(f"{model}: {report.failed}\n")
                return 1
        options = Options(title="Example report of xling-bench", reference="afp")
        site = write_report([Path("runs") / model for model in STEPS], Path("site"), options).parent
        for kept in KEPT:
            shutil.copy(site / kept, ROOT / "reports" / "example" / kept)
    return 0


if __name__ == "__main__":
    sys.exit(main())
