"""What happens around a stage: full and read-only disks, clocks that were set, others at work in the same folders."""

import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial

import psutil

from tests.faults.ended import refused
from tests.faults.fault import Fault
from tests.faults.place import STAGES, complete, mount, refusal, snapshot
from tests.pipeline.forked import ForkedStage

MEGABYTES = 100  # of the small file systems, while they are not full
TIMES = {"2001": 1e9, "2039": 2.2e9}
READ_ONLY = ("data", "reports", ".facepipe")


def faults(random):
    """All of this file, with amounts that `random` draws."""
    for number, stage in enumerate(STAGES):
        share = round(random.uniform(0, 0.9), 2)
        yield Fault("full disk", stage, f"room for {share} of it", partial(full_disk, stage, share))
        folder = READ_ONLY[number % 3]
        yield Fault("read-only folder", stage, folder, partial(read_only, stage, folder))
        year = tuple(TIMES)[number % 2]
        yield Fault("clock", stage, f"files of {year}", partial(clock, stage, year))
        yield Fault("two at once", stage, "the stage", partial(same_stage_twice, stage))
    for year in TIMES:
        yield Fault("clock", "train_ae", f"states of {year}", partial(clock_of_states, "train_ae", year))
    yield Fault("two at once", "dvc repro", "the pipeline", two_repros)
    yield Fault("two at once", "decode", "a folder", two_commands)
    yield Fault("worker killed", "preprocess", "the first", killed_worker)


def full_disk(stage, share, place):
    if not place.mounts:
        return "skipped"
    outs = tuple(place.outs(stage))
    size = sum((place.base.folder / path).stat().st_size for path in place.right if path.startswith(outs))
    with place.copy(MEGABYTES) as repository:
        place.remove_outs(repository, stage)
        (repository.folder / ".facepipe/locks").mkdir(parents=True, exist_ok=True)
        _fill(repository.folder, int(share * size))
        outcome = refused(ForkedStage(repository, stage).wait(), stage)
        place.check_unharmed(repository, stage, ("filler",))
        (repository.folder / "filler").unlink()
        place.remove_outs(repository, stage)
        complete(repository, stage)
        place.check_whole(repository)
    return outcome


def _fill(folder, left):
    """Fill the file system of a folder up to so many bytes."""
    with open(folder / "filler", "wb") as file:
        free = os.statvfs(folder)
        file.write(bytes(max(0, free.f_bavail * free.f_frsize - left)))


def read_only(stage, folder, place):
    if not place.mounts:
        return "skipped"
    with place.copy() as repository:
        place.remove_outs(repository, stage)
        path = repository.folder / folder
        path.mkdir(exist_ok=True)
        mount("--bind", path, path)
        try:
            mount("-o", "remount,ro,bind", path)
            outcome = refused(ForkedStage(repository, stage).wait(), stage)
        finally:
            subprocess.run(["umount", path], check=True)
        place.check_unharmed(repository, stage)
        place.remove_outs(repository, stage)
        complete(repository, stage)
        place.check_whole(repository)
    return outcome


def clock(stage, year, place):
    with place.copy() as repository:
        place.remove_outs(repository, stage)
        for path in snapshot(repository.folder):
            os.utime(repository.folder / path, (TIMES[year],) * 2)
        complete(repository, stage)
        place.check_whole(repository)
    return "same"


def clock_of_states(stage, year, place):
    """States far too old are removed, those of the future are used: the same bytes either way."""
    with place.copy() as repository:
        repository.set_params({"train.save_every_images": 32})
        place.remove_outs(repository, stage)
        ForkedStage(repository, stage, round(0.8 * place.operations(stage))).wait()
        for path in repository.folder.glob(".facepipe/resume/*"):
            os.utime(path, (TIMES[year],) * 2)
        place.remove_outs(repository, stage)
        assert ("continues" in complete(repository, stage).stdout) == (year == "2039")
        place.check_whole(repository, ("params.yaml",))
    return "same"


def same_stage_twice(stage, place):
    """The second one is refused, the first one is not disturbed."""
    with place.copy() as repository:
        place.remove_outs(repository, stage)
        first = ForkedStage(repository, stage, place.operations(stage) // 2, "SIGSTOP")
        while psutil.Process(first.pid).status() != psutil.STATUS_STOPPED:
            time.sleep(0.005)
        second = repository.run(sys.executable, "-m", f"stages.{stage.split()[0]}", *stage.split()[1:], check=False)
        line = refusal(second, stage)
        assert f"process {first.pid} " in line and "wait for it" in line, line
        os.kill(first.pid, signal.SIGCONT)
        assert first.wait().returncode == 0, first.stderr[-1500:]
        place.check_whole(repository)
    return "refused", line


def two_repros(place):
    """One waits for the other or gives up: either way all is as undisturbed."""
    with place.copy() as repository:
        for stage in ("preprocess", "attribute_vectors"):
            place.remove_outs(repository, stage)
        both = [repository.start("dvc", "repro", "--no-run-cache") for _ in range(2)]
        errors = [each.communicate()[1] for each in both]
        codes = [each.returncode for each in both]
        assert 0 in codes and not any("Traceback" in error for error in errors), (codes, errors)
        repository.repro()
        place.check_whole(repository)
    return "same" if codes == [0, 0] else ("refused", errors[codes[0] == 0].splitlines()[-1])


def two_commands(place):
    with place.copy() as repository:
        command = [sys.executable, "-m", "facepipe", "decode", "data/edits/vae-mine.csv", "--model", "vae", "-o"]
        repository.run(*command, "alone")
        both = [repository.start(*command, "faces") for _ in range(2)]
        errors = [each.communicate()[1] for each in both]
        assert [each.returncode for each in both] == [0, 0], errors
        alone, faces = (snapshot(repository.folder / name) for name in ("alone", "faces"))
        assert alone == faces, alone.keys() ^ faces.keys()
        for name in ("alone", "faces"):
            shutil.rmtree(repository.folder / name)
        place.check_whole(repository)
    return "same"


def killed_worker(place):
    with place.copy() as repository:
        repository.set_params({"preprocess.workers": 2})
        place.remove_outs(repository, "preprocess")
        process = repository.start(sys.executable, "-m", "stages.preprocess")
        for _ in itertools.count():
            children = [child for child in psutil.Process(process.pid).children() if _is_worker(child)]
            if children or process.poll() is not None:
                break
            time.sleep(0.005)
        assert children, process.communicate()
        children[0].kill()
        _, error = process.communicate()
        assert process.returncode == 0, error
        place.check_whole(repository, ("params.yaml",))
    return "same"


def _is_worker(process):
    try:
        return "spawn_main" in " ".join(process.cmdline())
    except psutil.Error:
        return False
