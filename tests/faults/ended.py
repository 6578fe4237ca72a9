"""Stages that are killed, stopped, or have a file operation or memory refused; then they are run again."""

import errno
from functools import partial

from tests.faults.acts import fail, interrupt_twice, limit_files, limit_memory
from tests.faults.fault import Fault
from tests.faults.place import STAGES, TRAININGS, complete, refusal
from tests.pipeline.forked import ForkedStage

SIGNALS = ("SIGKILL", "SIGTERM", "SIGINT twice")
ERRORS = {"full": (errno.ENOSPC, True), "read-only": (errno.EROFS, True), "broken": (errno.EIO, False)}
MEGABYTES = (20, 150, 400)


def faults(random):
    """All of this file, at places that `random` draws."""
    for stage in STAGES:
        for name in SIGNALS:
            at = round(random.uniform(0.02, 1), 3)
            yield Fault("signal", stage, f"{name} at {at}", partial(signal_at, stage, name, at))
        for name in ERRORS:
            at = round(random.uniform(0.02, 1), 3)
            yield Fault("file operation refused", stage, f"{name} at {at}", partial(error_at, stage, name, at))
        size = round(random.uniform(0.1, 0.9), 2)
        yield Fault("file too large", stage, f"above {size} of the largest", partial(large_file, stage, size))
        megabytes = random.choice(MEGABYTES)
        yield Fault("out of memory", stage, f"{megabytes} MB more", partial(no_memory, stage, megabytes))


def signal_at(stage, name, at, place):
    act = {"act": interrupt_twice} if name == "SIGINT twice" else {"name": name}
    codes = {"SIGKILL": (-9,), "SIGTERM": (143,), "SIGINT twice": (130, -2)}[name]
    return disturbed(stage, place, lambda done: ended(done, stage, codes), at=at, killed=True, **act)


def error_at(stage, name, at, place):
    return disturbed(stage, place, lambda done: refused(done, stage), at=at, act=partial(fail, *ERRORS[name]))


def large_file(stage, size, place):
    largest = max(path.stat().st_size for name in place.outs(stage) for path in _files(place.base.folder / name))
    before = partial(limit_files, int(size * largest))
    return disturbed(stage, place, lambda done: refused(done, stage), before=before)


def no_memory(stage, megabytes, place):
    def judge(done):
        last = done.stderr.rstrip().rpartition("\n")[2]
        # a thread of Python's pool of processes that cannot start another one says so itself, at length
        if "Exception in thread" in done.stderr and last.startswith(f"{stage}: out of memory; "):
            return "refused", last
        if done.returncode in (0, 2):
            return refused(done, stage)
        # the system, a library that finds no room in the middle of its own work, or whoever has waited long enough for
        # a library that waits for threads which it could not start
        assert "Traceback" not in done.stderr, f"{done.returncode}: {done.stderr[-1500:]}"
        return "ended"

    return disturbed(stage, place, judge, before=partial(limit_memory, megabytes), killed=True, seconds=60)


def disturbed(stage, place, judge, at=None, killed=False, seconds=300, **options):
    """Run a stage with a fault and once more without: the result is that of an undisturbed one.

    Args:
        stage, place: the stage and the `Place`.
        judge: function of the ended process that gives the outcome.
        at: float, at which share of its file operations; None: the options say.
        killed: bool, whether temporary files may stay until the next run.
        seconds: after which it is killed.
        **options: of `ForkedStage`.
    """
    if at is not None:
        options["number"] = max(1, round(at * place.operations(stage)))
    with place.copy() as repository:
        changed = save_often(repository, stage)
        place.remove_outs(repository, stage)
        outcome = judge(ForkedStage(repository, stage, **options).wait(seconds))
        place.check_unharmed(repository, stage, changed, killed)
        place.remove_outs(repository, stage)
        complete(repository, stage)
        place.check_whole(repository, changed)
    return outcome


def save_often(repository, stage):
    """Let a training save states, as a long one does; which files that changes."""
    if stage not in TRAININGS:
        return ()
    repository.set_params({"train.save_every_images": 32})
    return ("params.yaml",)


def ended(done, stage, codes):
    """A process ended by a signal, unless it came after all else was done."""
    assert done.returncode in (*codes, 0), f"{done.returncode}: {done.stderr[-1500:]}"
    assert "Traceback" not in done.stderr, done.stderr[-1500:]
    if done.returncode > 0:
        assert done.stderr.splitlines()[-1].startswith(f"{stage.split()[0]}: stopped"), done.stderr[-1500:]
    return "ended" if done.returncode else "same"


def refused(done, stage):
    """A stage that says in one line what it lacks, or that did not need it."""
    if done.returncode == 0:
        return "same"
    return "refused", refusal(done, stage)


def _files(path):
    return [each for each in path.rglob("*") if each.is_file()] if path.is_dir() else [path]
