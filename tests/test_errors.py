"""A user's mistake is one sentence on the command line, and an ordinary exception everywhere else."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from warm_python import WarmPython

import common
from common import losses
from common.errors import ArgumentError, InputError, find_input_error
from common.transforms import MorphologicalNoised

SHOWN = "from common.errors import show_input_errors; show_input_errors()\n"
WRAPPED = """
from common.errors import InputError, show_input_errors
show_input_errors()
try:
    raise InputError("case_7: expected a mask, got none.")
except InputError as error:
    raise RuntimeError("Failed to instantiate") from error
"""


def _run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)


def test_input_and_argument_are_different_value_errors() -> None:
    assert issubclass(InputError, ValueError) and issubclass(ArgumentError, ValueError)
    assert not issubclass(InputError, ArgumentError) and not issubclass(ArgumentError, InputError)
    assert common.InputError is InputError and common.ArgumentError is ArgumentError


def test_a_wrong_tensor_is_an_argument_and_with_its_case_an_input() -> None:
    with pytest.raises(ArgumentError, match="expected"):
        losses.CrossEntropyLoss()(torch.zeros(1, 2, 4, 4), torch.zeros(1, 1, 5, 4))
    with pytest.raises(InputError, match="Case c7, channel 0: A label must be a 2-D or 3-D mask") as raised:
        MorphologicalNoised("label", alpha=1.0, beta=0.5)({"case": "c7", "label": torch.ones(1, 5)})
    assert isinstance(raised.value.__cause__, ArgumentError)


def test_an_argument_is_one_sentence_too() -> None:
    done = _run(WRAPPED.replace("InputError", "ArgumentError"))
    assert (done.returncode, done.stderr) == (1, "Error: case_7: expected a mask, got none.\n")


def test_found_in_causes_and_contexts() -> None:
    cause, context = InputError("cause"), InputError("context")
    error = RuntimeError()
    assert find_input_error(error) is None
    assert find_input_error(None) is None
    assert find_input_error(cause) is cause
    error.__context__ = context
    assert find_input_error(error) is context
    error.__cause__ = RuntimeError()
    error.__cause__.__cause__ = cause
    assert find_input_error(error) is cause


def test_circular_chain_ends() -> None:
    first, second = RuntimeError(), RuntimeError()
    first.__cause__, second.__cause__ = second, first
    assert find_input_error(first) is None


@pytest.mark.parametrize("code", [WRAPPED, WRAPPED.replace(" from error", "")], ids=["cause", "context"])
def test_only_the_sentence_is_shown(code: str) -> None:
    done = _run(code)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "Error: case_7: expected a mask, got none.\n")


def test_traceback_on_request() -> None:
    done = _run(WRAPPED, FULL_TRACEBACK="1")
    assert done.returncode == 1
    assert "Traceback" in done.stderr and "RuntimeError: Failed to instantiate" in done.stderr


def test_other_errors_keep_their_traceback() -> None:
    done = _run(SHOWN + "raise RuntimeError('a fault of ours')")
    assert done.returncode == 1
    assert "Traceback" in done.stderr and "a fault of ours" in done.stderr


def test_a_hook_that_is_there_stays() -> None:
    done = _run("import sys\nsys.excepthook = lambda *error: print('mine')\n" + WRAPPED)
    assert done.stdout == "mine\n"


def test_ctrl_c_has_no_traceback() -> None:
    done = _run(SHOWN + "raise KeyboardInterrupt")
    assert done.stderr == "Interrupted.\n"
    assert done.returncode in (130, -signal.SIGINT)


def test_importing_changes_nothing_in_the_process(warm_monai: WarmPython) -> None:
    """Not even an import of everything: hooks, signals, threads and the class of the module stay as they were."""
    code = """
import signal, sys, threading
before = sys.excepthook, sys.unraisablehook, signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
import common
from common import workflow
for name in workflow.__all__:
    getattr(workflow, name)
after = sys.excepthook, sys.unraisablehook, signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
assert before == after and type(common) is type(sys), (before, after)
workflow.begin_run()  # in somebody's own program
assert before[0] is sys.excepthook and before[2] is signal.getsignal(signal.SIGTERM)
raise common.InputError("mine")
"""
    process = warm_monai.start("-c", code, folder=Path(common.__file__).parents[1])
    assert process.wait(timeout=100) == 1
    assert "Traceback" in process.output() and "common.errors.InputError: mine" in process.output()


def test_what_is_no_input_error_may_be_explained() -> None:
    code = "from common.errors import show_input_errors\nshow_input_errors(lambda error: f'lost: {error}')\n"
    assert _run(code + "raise RuntimeError('peer')").stderr == "Error: lost: peer\n"


def test_of_several_processes_the_first_says_it() -> None:
    code = SHOWN + "from common import InputError\nerror = InputError('a')\nerror.said_by_first = True\nraise error"
    done = _run(code)
    assert (done.returncode, done.stderr) == (1, "")
