"""`python -m MODULE ARGUMENTS` in processes that have TFX loaded already.

Loading takes ten seconds, and a spec has ten tasks. Run as a script, this file loads TFX once; for
each command that it reads it forks a process, which runs the module as `python -m` does.
"""

import atexit
import gc
import json
import os
import runpy
import subprocess
import sys
import traceback
from pathlib import Path
from typing import NoReturn

_READY = "ready"


class WarmPython:
    """Runs a spec's commands; a `pipeline.runners.kubeflow.task_runner.Launch`.

    Args:
        folder: where the processes start, and the first place in which modules are looked for.
    """

    def __init__(self, folder: Path):
        self._server = subprocess.Popen(
            [sys.executable, __file__],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._is_ready = False  # it loads while the caller does other things

    def __call__(self, command: list[str], log: Path) -> int:
        assert command[:2] == ["python", "-m"], command
        self._is_ready = self._is_ready or self._answer() == _READY
        assert self._server.stdin is not None
        print(json.dumps([command[2:], str(log)]), file=self._server.stdin, flush=True)
        return int(self._answer())

    def close(self) -> None:
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait()

    def _answer(self) -> str:
        assert self._server.stdout is not None
        answer = self._server.stdout.readline().strip()
        assert answer, f"the processes' parent ended with status {self._server.wait()}"
        return answer


def _serve() -> None:
    # The folder of this script; a module of that name would be found here first.
    del sys.path[0]
    import tensorflow_model_analysis  # noqa: F401
    import tfx.v1  # noqa: F401
    from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor  # noqa: F401

    gc.freeze()  # the processes then share the memory
    print(_READY, flush=True)
    for line in sys.stdin:
        command, log = json.loads(line)
        child = os.fork()
        if child == 0:
            _run(command, log)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _run(command: list[str], log: str) -> NoReturn:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.argv = command
    status = 1
    try:
        runpy.run_module(command[0], run_name="__main__", alter_sys=True)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    # Taking ten thousand modules apart would cost seconds; what they asked for at the end is done.
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    _serve()
