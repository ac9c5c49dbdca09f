"""Ahead: what threads make before it is asked for."""

import os
import weakref
from collections import deque
from concurrent.futures import ThreadPoolExecutor


class Ahead:
    """An iterator over make(job) for each of jobs, in their order, made by threads ahead of who asks.

    jobs are drawn in the asking thread, one by one, so that random choices in them do not depend on the threads; at
    most `ahead` results are made or wait. What make raises is raised where its result is asked for; after it the
    iterator goes on. Threads end when the iterator is gone; a forked process starts its own and does again what was
    under way. workers 0: no threads, nothing ahead.
    """

    def __init__(self, make, jobs, workers=None, ahead=None):
        self._make, self._jobs = make, iter(jobs)
        self._workers = default_workers() if workers is None else workers
        self._ahead = self._workers + 1 if ahead is None else ahead
        self._waiting, self._process = deque(), None  # [(job, its future)]

    def __iter__(self):
        return self

    def __next__(self):
        if not self._workers:
            return self._make(next(self._jobs))
        if self._process != os.getpid():  # at first, and after a fork, which no thread survives
            self._process, started = os.getpid(), self._waiting
            self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="cygrad-ahead")
            self._end = weakref.finalize(self, self._pool.shutdown, wait=False, cancel_futures=True)
            self._waiting = deque((job, self._pool.submit(self._make, job)) for job, _ in started)
        self._fill(self._ahead)
        if not self._waiting:
            raise StopIteration
        _, future = self._waiting.popleft()
        result = future.result()
        self._fill(self._ahead)  # so that the threads have work while the result is used
        return result

    def _fill(self, count):
        while len(self._waiting) < count:
            try:
                job = next(self._jobs)
            except StopIteration:
                return
            self._waiting.append((job, self._pool.submit(self._make, job)))

    def close(self):
        """Drops what is not yet made; the threads end."""
        if self._process == os.getpid():
            self._end()
        self._waiting, self._jobs = deque(), iter(())


def default_workers():
    """Threads for pictures: one a CPU that this process may use, at most 8."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cpus, 8)


def check_workers(caller, workers, prefetch):
    """(workers, prefetch) of arguments that may be None."""
    for name, value, least in (("workers", workers, 0), ("prefetch", prefetch, 1)):
        whole = hasattr(value, "__index__") and not isinstance(value, bool)
        if value is not None and not (whole and value >= least):
            raise ValueError(f"{caller}: {name} must be an integer of at least {least}; got {value!r}")
    return workers, prefetch
