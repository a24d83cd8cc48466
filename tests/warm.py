"""Commands in processes of their own, forked from an interpreter that has imported the libraries already.

Importing torch, transformers and lm_eval is most of what a small command costs. A forked process has its own memory,
files, streams, environment and exit code, as one that was started; `test_runner` compares the two. Tests of starting,
killing and of several processes at once start theirs (`python -m xling_bench`).
"""

from __future__ import annotations

import atexit
import json
import os
import select
import subprocess
import sys
import tempfile
import traceback
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

# What libraries, and `chatter.quiet`, set when they are imported, in the interpreter that forks as in the tests' own.
SET_BY_LIBRARIES = ("KMP_", "PIP_", "TORCHINDUCTOR_", "HF_XET_", "TRANSFORMERS_VERBOSITY", "TOKENIZERS_PARALLELISM",
                    "HF_HUB_DISABLE_PROGRESS_BARS", "TQDM_DISABLE")  # fmt: skip
APART = ("XLING_", "PYTEST_CURRENT_TEST", *SET_BY_LIBRARIES)


def command(*arguments: str, environment: dict[str, str], timeout: int = 600) -> subprocess.CompletedProcess[str]:
    """`xling-bench ARGUMENTS`. Libraries read variables when imported: if one that is not ours differs, a new start."""
    return run("xling_bench", *arguments, environment=environment, timeout=timeout)


def run(program: str, *arguments: str, environment: dict[str, str], timeout: int = 600) -> Any:
    """The same of another program: `xling_bench`, `lm_eval`, or `-c`, Python given as text."""
    server = Server.running()
    if settings(environment) != server.settings:
        how = [program] if program == "-c" else ["-m", program]
        return subprocess.run([sys.executable, *how, *arguments], env=environment, capture_output=True, text=True,
                              timeout=timeout)  # fmt: skip
    return server.command(program, arguments, environment, timeout)


def settings(environment: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith(APART)}


class Server:
    """The interpreter that forks. It answers one request, a line of JSON, after the other, and ends with its input."""

    def __init__(self) -> None:
        self.settings = settings(dict(os.environ))
        read, write = os.pipe()
        self.process = subprocess.Popen(
            [sys.executable, __file__, str(write)], env=self.settings, stdin=subprocess.PIPE, pass_fds=[write]
        )
        os.close(write)
        self.answers = os.fdopen(read, encoding="utf-8")
        atexit.register(self.close)

    @staticmethod
    @cache
    def running() -> Server:
        return Server()

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.answers.close()
        self.process.wait(timeout=60)

    def command(self, program: str, arguments: tuple[str, ...], environment: dict[str, str], timeout: int) -> Any:
        assert self.process.stdin is not None
        with tempfile.TemporaryDirectory() as folder:
            out, err = Path(folder, "out"), Path(folder, "err")
            request = {"program": program, "arguments": arguments, "environment": environment, "out": str(out)}
            request |= {"err": str(err), "folder": str(Path.cwd())}
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()
            if not select.select([self.answers], [], [], timeout)[0]:
                self.process.kill()
                raise subprocess.TimeoutExpired(arguments, timeout)
            code = self.answers.readline()
            assert code, "the interpreter that forks has ended: see what the first command's test captured"
            texts = [path.read_text(encoding="utf-8") for path in (out, err)]
        return subprocess.CompletedProcess(list(arguments), int(code), *texts)


def serve(answers: int) -> int:
    """The server's loop."""
    from xling_bench.core.chatter import quiet

    quiet()
    import lm_eval.evaluator  # noqa: F401
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: F401
    from transformers.models.bloom import modeling_bloom  # noqa: F401
    from transformers.models.llama import modeling_llama  # noqa: F401
    from transformers.models.xglm import modeling_xglm  # noqa: F401

    import xling_bench.evaluation.runner
    import xling_bench.models.shared_prefix  # noqa: F401
    from xling_bench.cli.main import script

    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if not child:
            os.close(answers)
            for number, path in enumerate(("/dev/null", request["out"], request["err"])):
                file = os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT, 0o600)
                os.dup2(file, number)
                os.close(file)
            os.environ.clear()
            os.environ.update(request["environment"])
            os.chdir(request["folder"])
            if request["program"] == "xling_bench":
                script(request["arguments"])
            other(request["program"], request["arguments"])
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os.write(answers, f"{code}\n".encode())
    return 0


def other(program: str, arguments: list[str]) -> NoReturn:
    """What the interpreter does with `-m lm_eval` or `-c`, to the end of the process."""
    code = 0
    try:
        if program == "-c":
            exec(arguments[0], {"__name__": "__main__"})  # noqa: S102 - a test's own text
        else:
            sys.argv = [program, *arguments]
            import_module(f"{program}.__main__").cli_evaluate()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception:  # noqa: BLE001 - said as the interpreter says it
        traceback.print_exc()
        code = 1
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


if __name__ == "__main__":
    sys.path[0] = str(Path.cwd())  # as `python -m xling_bench` has it
    sys.exit(serve(int(sys.argv[1])))
