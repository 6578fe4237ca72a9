"""The ordered map: same results in this process, in worker processes and on a Dask cluster, also when workers die."""

import concurrent.futures.process
import multiprocessing
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from facepipe.datasets.workers import ordered_map
from facepipe.errors import InputError
from tests.conftest import ROOT

TASKS = range(40)


def square(x):
    return x * x


def slow_pid(x):
    time.sleep(0.05)
    return x * x, os.getpid()


def die(x):
    if x == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return x


def fail(x):
    if x == 3:
        raise RuntimeError("three")
    return x


def die_once(task):
    """Kill the worker the first time that this task comes along."""
    x, marker = task
    if x == 5 and not pathlib.Path(marker).exists():
        pathlib.Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return x


def die_once_slowly(task):
    time.sleep(0.05)
    return die_once(task)


def pool_processes():
    return [process for process in multiprocessing.active_children() if "Dask" not in process.name]


@pytest.fixture(scope="module")
def cluster():
    """A Dask cluster of two worker processes."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(2, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster:
        yield cluster


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_in_order_with_any_number_of_processes(workers):
    assert list(ordered_map(square, iter(TASKS), workers=workers)) == [x * x for x in TASKS]
    assert list(ordered_map(square, [], workers=workers)) == []


def test_in_order_on_a_running_cluster(cluster):
    results = list(ordered_map(slow_pid, TASKS, scheduler=cluster.scheduler_address))
    assert [value for value, _ in results] == [x * x for x in TASKS]
    assert {pid for _, pid in results} == {worker.pid for worker in cluster.workers.values()}


def test_a_worker_that_began_while_the_pool_broke_is_not_waited_for(tmp_path, monkeypatch):
    """The pool's own thread ends the workers that it knows of, and then waits for all."""
    manager = concurrent.futures.process._ExecutorManagerThread
    original, missed = manager.terminate_broken, []

    def breaks(self, cause):
        # as the lost worker may have left it: the other one waits for the queue of tasks for ever
        assert self.call_queue._rlock.acquire(timeout=20)
        for process in self.processes.values():
            process.terminate = lambda: missed.append(1)
        original(self, cause)

    monkeypatch.setattr(manager, "terminate_broken", breaks)
    tasks = [(x, str(tmp_path / "marker")) for x in TASKS]
    assert list(ordered_map(die_once_slowly, tasks, workers=2)) == list(TASKS) and missed


def test_on_a_cluster_of_its_own():
    pytest.importorskip("distributed")
    results = list(ordered_map(slow_pid, TASKS, scheduler="dask", workers=2))
    assert [value for value, _ in results] == [x * x for x in TASKS]
    pids = {pid for _, pid in results}
    assert len(pids) == 2 and os.getpid() not in pids


def test_tasks_are_drawn_as_workers_get_free():
    drawn = []

    def tasks():
        for x in TASKS:
            drawn.append(x)
            yield x

    results = ordered_map(square, tasks(), workers=2)
    assert next(results) == 0
    assert len(drawn) <= 6
    results.close()
    assert not pool_processes()


def test_a_killed_process_changes_nothing():
    results = ordered_map(slow_pid, TASKS, workers=2)
    values = [next(results)]
    for process in pool_processes():
        process.kill()
    values += results
    assert [value for value, _ in values] == [x * x for x in TASKS]
    assert len({pid for _, pid in values}) > 2


def test_a_task_that_kills_its_worker_once(tmp_path):
    tasks = [(x, str(tmp_path / "marker")) for x in TASKS]
    assert list(ordered_map(die_once, tasks, workers=2)) == list(TASKS)
    assert (tmp_path / "marker").exists()


def test_a_killed_cluster_worker_changes_nothing(cluster):
    results = ordered_map(slow_pid, TASKS, scheduler=cluster.scheduler_address)
    values = [next(results)]
    victim = values[0][1]
    os.kill(victim, signal.SIGKILL)
    values += results
    assert [value for value, _ in values] == [x * x for x in TASKS]
    assert values[-1][1] != victim


def test_a_task_that_always_kills_its_worker_is_one_line():
    with pytest.raises(InputError, match=r"^workers: worker processes died again and again"):
        list(ordered_map(die, TASKS, workers=2))


def test_exceptions_of_the_function_come_through(cluster):
    for options in ({"workers": 1}, {"workers": 2}, {"scheduler": cluster.scheduler_address}):
        with pytest.raises(RuntimeError, match="three"):
            list(ordered_map(fail, TASKS, **options))


def test_no_scheduler_there(monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("facepipe.datasets.workers.CONNECT_SECONDS", 1)
    with pytest.raises(InputError, match=r"^scheduler: tcp://127.0.0.1:9: no Dask scheduler"):
        list(ordered_map(square, TASKS, scheduler="tcp://127.0.0.1:9"))


PARENT = """
from facepipe.datasets.workers import ordered_map
from tests.test_executors import slow_pid
if __name__ == "__main__":
    for _, pid in ordered_map(slow_pid, range(10**6), workers=2):
        print(pid, flush=True)
"""


def test_workers_end_with_a_parent_that_is_killed(tmp_path):
    (tmp_path / "parent.py").write_text(PARENT)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, tmp_path / "parent.py"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as parent:
        workers = {parent.stdout.readline() for _ in range(20)}
        parent.kill()
        # the workers have its stdout, too: it is at its end when they have gone
        parent.communicate(timeout=10)
    assert len(workers) == 2
