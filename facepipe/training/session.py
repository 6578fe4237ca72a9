"""A training from params to a stored model: the frame that all four share. A task says what differs."""

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from facepipe.core.determinism import one_blas_thread
from facepipe.core.files import sweep, write_facts
from facepipe.core.progress import say
from facepipe.errors import about
from facepipe.networks.layers import parameter_count
from facepipe.networks.store import save_model
from facepipe.networks.summary import write_summary
from facepipe.shards.labels import check_names, labels_digest
from facepipe.shards.shards import Shards
from facepipe.training.announcement import announcement
from facepipe.training.config import steps_of
from facepipe.training.loop import fit
from facepipe.training.resume import open_states
from facepipe.training.runtime import prepare


class Plan(NamedTuple):
    """What a training is about to do, known and checked before a network is built.

    Attributes:
        spec: JSON-able dict, all that is needed to build the networks again.
        build: function(runtime, seed, steps) -> the `loop.Task`, called under the runtime's strategy; steps are those
            of the whole training, None under a budget in minutes.
        inputs: dict of JSON-able values, a digest of each thing that is read beside the shards.
        record: JSON-able dict, what model.json says of where the training started.
        info: dict of further entries of model.json, see `store.save_model`.
    """

    spec: dict
    build: Callable
    inputs: dict = {}  # noqa: RUF012 (never changed)
    record: dict = {}  # noqa: RUF012
    info: dict = {}  # noqa: RUF012


class Result(NamedTuple):
    """What a finished task hands over to be stored.

    Attributes:
        model: has `name` and `networks`, with the weights to keep.
        record: JSON-able dict for model.json.
        facts: dict of numbers for facts.csv.
        files: callables that write a file into the model's folder.
    """

    model: object
    record: dict
    facts: dict
    files: Sequence[Callable] = ()


class Finished(NamedTuple):
    """What a finish says of itself: dicts for model.json and for facts.csv, empty where there was none."""

    record: dict
    facts: dict
    states: object = None  # `resume.States` of it


@one_blas_thread
def train(task, train_params, params, shards, model, report, **given):
    """Train and store a model.

    Args:
        task: class of the `loop.Task`, with `name`; its `plan(params, data, model, **given)` gives the `Plan`, its
            `result()` the `Result`, its `write_tables(report)` what there is to tell beside history.csv, its
            `operations(steps)` about how many there are in all passes through the networks for one image, two
            a multiply-add (steps: int, of the training; None: not known).
        train_params: `training.config.Train`.
        params: the stage's section, a `training.config.Budget`.
        shards: folder of the shards.
        model: folder for model.json, the weights and the task's files.
        report: folder for history.csv, facts.csv, summary.csv (the layers), the task's tables and grids/.
        **given: folders of other models that the task takes.

    Returns:
        dict of numbers, as they stand in facts.csv under the task's name; None in workers other than the chief,
        which write nothing.

    Raises:
        InputError: params that do not fit the data or the machine; a loss that is not finite.
        Stopped: Ctrl-C or SIGTERM; the next call with the same arguments goes on.
        WorkerLost: another worker has ended; likewise.
    """
    report, runtime, data, stage = Path(report), prepare(train_params), Shards(shards), f"train_{task.name}"
    epochs, steps = steps_of(params, data.count("train"))
    if _asked(params):
        # known before the first training has taken its time
        with about("finish"):
            steps_of(_asked(params), data.count("train"))
    plan = task.plan(params, data, Path(model), **given)
    names = plan.spec.get("condition_on", ())
    check_names(data, names, "condition_on")
    inputs = {"shards": data.sha256} | plan.inputs | labels_digest(data, names)
    with contextlib.ExitStack() as stack:
        states = stack.enter_context(open_states(stage, train_params, params, inputs, runtime))
        if runtime.workers.chief:
            for folder in (Path(model).parent, report):
                sweep(folder)
        with runtime.strategy.scope():
            job = plan.build(runtime, train_params.seed, epochs and epochs * steps)
        if runtime.workers.chief:
            operations = job.operations(epochs and epochs * steps)
            say(f"{stage}: {announcement(params, epochs, steps, operations, train_params, runtime)}")
        budget, history = fit(job, data, params, runtime, report, states)
        result = job.result() if runtime.workers.chief else None
        finish = _finish(job, train_params, params, inputs, runtime, data, report, history, stack)
        budget |= finish.record
        if not runtime.workers.chief:
            return runtime.workers.finish()
        record = runtime.record | budget | result.record | {"data": data.sha256} | plan.record
        save_model(model, result.model, plan.spec, record, result.files, data.framing, plan.info)
        facts = {"parameters": parameter_count(result.model.networks), "images_seen": budget["images"]}
        facts |= result.facts | finish.facts
        write_summary(report / "summary.csv", result.model.networks)
        job.write_tables(report)
        write_facts(report / "facts.csv", {task.name: facts})
        for each in filter(None, (states, finish.states)):
            each.discard()
        runtime.workers.finish()
    return facts


def _asked(params):
    """The `Budget` of the finish that a stage's section asks for; None: it asks for none."""
    finish = getattr(params, "finish", None)
    return finish.budget if finish and finish.images else None


def _finish(job, train_params, params, inputs, runtime, data, report, history, stack):
    """The second training that a task may ask for, of the model that the first one ends with: `Finished`."""
    budget, stage = _asked(params), f"train_{job.name}_finish"
    if not budget:
        return Finished({}, {})
    epochs, steps = steps_of(budget, data.count("train"))
    states = stack.enter_context(open_states(stage, train_params, params, inputs, runtime))
    with runtime.strategy.scope():
        last = job.finish(epochs * steps, runtime, train_params.seed)
    if runtime.workers.chief:
        say(f"{stage}: {announcement(budget, epochs, steps, last.operations(), train_params, runtime)}")
    record, history = fit(last, data, budget, runtime, report, states, history)
    return Finished({"finish": record}, {"finished_valid_mse": history[-1].get("valid_mse")}, states)
