"""Map a function over tasks in worker processes here or on a Dask cluster, in order, surviving lost workers."""

import collections
import concurrent.futures
import concurrent.futures.process
import contextlib
import itertools
import logging
import multiprocessing
import os
import signal
import threading

from facepipe.core.machine import keep_freed_memory
from facepipe.errors import FieldError

RESTARTS = 3  # a task that kills its worker this often will not do better
CONNECT_SECONDS = 30
LOOK_SECONDS = 5  # how often to look whether there is still something to wait for
LOOK_EVERY = 32  # tasks


def ordered_map(function, tasks, scheduler="processes", workers=1):
    """Yield function(task) for every task, in the order of the tasks.

    At most a few tasks per worker are under way at a time, so memory does not grow with their number. A task whose
    worker is lost is done again elsewhere: the results do not depend on who does the work.

    Args:
        function: a picklable function.
        tasks: iterable of picklable values, consumed as workers get free.
        scheduler: "processes", "dask" (a local Dask cluster, made and ended here), or the address tcp://host:port
            of a running Dask scheduler; its workers need facepipe installed and nothing else, no shared folder.
        workers: int, processes of "processes" and "dask"; 1: "processes" works in this process.

    Raises:
        InputError: the scheduler cannot be reached or has no workers, or a task lost its worker again and again.
    """
    if scheduler == "processes" and workers == 1:
        yield from map(function, tasks)
    elif scheduler == "processes":
        yield from _on_processes(function, tasks, workers)
    else:
        yield from _on_dask(function, tasks, scheduler, workers)


def _on_processes(function, tasks, workers):
    pool = _pool(workers)
    pending = collections.deque()  # [task, future]
    restarts = 0
    tasks = iter(tasks)
    try:
        while True:
            for task in itertools.islice(tasks, 2 * workers + 1 - len(pending)):
                pending.append([task, _submit(pool, function, task)])
            if not pending:
                return
            try:
                result = _result(pool, pending[0][1])
            except concurrent.futures.process.BrokenProcessPool:
                restarts += 1
                if restarts > RESTARTS:
                    raise FieldError(
                        "workers", "worker processes died again and again (out of memory?); use fewer workers"
                    ) from None
                _kill_workers()  # one that began while the pool broke is never ended, and shutdown waits for it
                pool.shutdown(cancel_futures=True)
                pool = _pool(workers)
                for entry in pending:
                    entry[1] = _submit(pool, function, entry[0])
                continue
            restarts = 0
            pending.popleft()
            yield result
    finally:
        pool.shutdown(cancel_futures=True)


def _result(pool, future):
    """The result of a future; MemoryError where the pool's own thread is no more, and nobody would ever give one."""
    while True:
        try:
            return future.result(timeout=LOOK_SECONDS)
        except TimeoutError:
            if future.done():
                return future.result()
            if not pool._executor_manager_thread.is_alive():
                _kill_workers()  # they would wait for tasks for ever, and this process for them
                raise MemoryError from None


def _kill_workers():
    for worker in multiprocessing.active_children():
        worker.kill()


def _pool(workers):
    return concurrent.futures.ProcessPoolExecutor(
        workers, mp_context=multiprocessing.get_context("spawn"), initializer=_begin
    )


def _submit(pool, function, task):
    try:
        return pool.submit(function, task)
    except concurrent.futures.process.BrokenProcessPool as error:  # its worker died before this task
        future = concurrent.futures.Future()
        future.set_exception(error)
        return future


def _begin():
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then ends the pool
    keep_freed_memory()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent():
    """A parent that is killed ends no pool: its workers would wait for tasks for ever, as each other's writers."""
    multiprocessing.parent_process().join()
    os._exit(1)


def _on_dask(function, tasks, scheduler, workers):
    try:
        from distributed import Client, KilledWorker, LocalCluster
    except ImportError:
        raise FieldError("scheduler", f"{scheduler} needs Dask: pip install 'facepipe[cluster]'") from None
    logging.getLogger("distributed").setLevel(logging.ERROR)  # it tells of every lost worker at length
    with contextlib.ExitStack() as stack:
        if scheduler == "dask":
            scheduler = stack.enter_context(
                LocalCluster(workers, threads_per_worker=1, processes=True, dashboard_address=":0")
            )
        try:
            client = stack.enter_context(Client(scheduler, timeout=CONNECT_SECONDS, set_as_default=False))
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except (OSError, TimeoutError, ValueError) as error:
            raise FieldError("scheduler", f"{scheduler}: no Dask scheduler with workers there ({error})") from None
        pending = collections.deque()
        try:
            for number, task in enumerate(tasks):
                if number % LOOK_EVERY == 0:  # workers come and go; asking costs a round trip
                    most = 2 * sum(client.nthreads().values())
                # not pure: equal tasks would be hashed to be told apart
                pending.append(client.submit(function, task, pure=False))
                if len(pending) > most:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        except KilledWorker as error:
            raise FieldError("scheduler", f"a task lost its worker again and again ({error}); out of memory?") from None
        except ModuleNotFoundError as error:
            raise FieldError(
                "scheduler",
                f"the workers at {scheduler} lack {error.name}; install facepipe there, of the same version as here",
            ) from None
