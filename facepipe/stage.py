"""How every stage starts: checked params in, bad input as one line and exit code 2, metrics out."""

import contextlib
import os
import signal
import sys
from pathlib import Path

from facepipe.config import load_params
from facepipe.core.files import take_lock, write_facts, write_json
from facepipe.errors import FieldError, InputError, Stopped, WorkerLost, fault_of_machine
from facepipe.quiet import import_tensorflow
from facepipe.restore import outputs_kept

LOCKS = Path(".facepipe") / "locks"


def run(main, name, tensorflow=False, within=None, report="facts.csv", section=None):
    """Run one stage.

    Args:
        main: callable that takes the checked `Params` and returns what there is to tell in numbers, {of what: {name:
            number}}, deterministic, or None.
        name: the stage's name in dvc.yaml.
        tensorflow: bool, whether the stage uses TensorFlow (imported after the params are checked).
        report: str, the file in reports/<name>/ for these numbers: .csv, a table to look at, see `write_facts`; .json,
            metrics by which DVC compares runs, for the few that are worth a column there.
        section: str, the stage's own section of params.yaml; None: that called like the stage.
        within: context manager around all of it, or None; sees the exception where the stage fails.

    Exits with 2 and one line on stderr where the input is wrong, another process runs the stage here, the disk is full,
    broken or closed to us, or memory is full; with 130 after Ctrl-C, with 143 after SIGTERM, with 75 where another
    worker of the same training was lost.
    """
    sys.stdout.reconfigure(line_buffering=True)  # or a piped log has the lines in blocks, after those of stderr
    before = signal.signal(signal.SIGTERM, _raise_stopped)
    try:
        with _alone(name, report), within or contextlib.nullcontext():
            params = load_params()
            _check_asked_for(params, name)
            if name.startswith("train_"):
                from facepipe.ahead import check_ahead

                check_ahead(params, "data/shards")
            if tensorflow:
                import_tensorflow(wrappers=False)
            values = main(params)
            if values is not None:
                write = write_json if report.endswith(".json") else write_facts
                write(f"reports/{name}/{report}", values)
    except InputError as error:
        where = (
            f"params.yaml: {_section(params, error.section) or section or name}."
            if isinstance(error, FieldError)
            else ""
        )
        print(f"{name}: {where}{error}", file=sys.stderr)
        raise SystemExit(2) from None
    except WorkerLost as error:
        print(f"{name}: {error}", file=sys.stderr)
        # at once: TensorFlow's own end would wait for the lost worker
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(os.EX_TEMPFAIL)
    except Exception as error:
        if (line := fault_of_machine(error)) is None:
            raise
        print(f"{name}: {line}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt as stop:
        stopped = stop if isinstance(stop, Stopped) else Stopped(signal.SIGINT)
        print(f"{name}: {stopped}", file=sys.stderr)
        raise SystemExit(128 + stopped.signal) from None
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _alone(name, report):
    """A block that no two processes are in for the same outputs: the second one would mix its own with the first's.

    `dvc repro` sees to that by itself; stages are also started by hand. Several workers of one training are meant to
    run the same stage; the chief's states are locked.
    """
    if os.environ.get("TF_CONFIG"):
        yield
        return
    path = LOCKS / f"{name}-{Path(report).stem}"
    path.parent.mkdir(parents=True, exist_ok=True)
    with take_lock(path, f"runs this stage here ({path})"):
        yield


def _check_asked_for(params, name):
    """InputError where the stage trains a model that nobody asked for."""
    model = name.removeprefix("train_")
    if name != model and model not in params.trained:
        with outputs_kept(name):  # DVC has removed what it made before
            raise InputError(
                f"params.yaml: models: {list(params.models)}: {model} is not asked for; dvc repro render_reports runs "
                "the stages of those that are"
            )


def _section(params, section):
    """Under which name `params` holds a section; None where it does not."""
    return next((key for key in type(params).model_fields if getattr(params, key) is section), None)


def _raise_stopped(number, frame):
    raise Stopped(number)
