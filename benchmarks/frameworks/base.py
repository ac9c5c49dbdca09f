"""What every framework here has in common."""

import os


class Unsupported(Exception):
    """The framework has no such thing; the text says what is missing."""


class Framework:
    name = ""
    package = ""  # whose version counts

    def prepare(self, case, data):
        """(run, results) of a case. Raises Unsupported."""
        method = getattr(self, case.kind, None)
        if method is None:
            raise Unsupported(f"{self.name} is not measured on {case.kind}")
        return method(case, data)

    def versions(self):
        """{package: version} of what does the work."""
        from importlib.metadata import version

        return {self.package: version(self.package)}


class Output:
    """Where run() leaves what it computed, so that results() can give it."""

    values = ()

    def keep(self, *values):
        self.values = values


def thread_count():
    return int(os.environ.get("OMP_NUM_THREADS", 0)) or len(os.sched_getaffinity(0))
