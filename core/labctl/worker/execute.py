"""The far side of every executor: one order in, events out."""

from __future__ import annotations

import errno
import importlib
import os
import random
import resource
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from types import FrameType, TracebackType
from typing import Any

import msgspec

from labctl.model.jobcontext import ArtifactError, JobContext, Place, Stopped
from labctl.model.plainjson import BadResult, checked
from labctl.model.results import Artifact, JobFailure
from labctl.model.wire import Event, Order
from labctl.store.digests import inside

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
TRACEBACK_LIMIT = 20_000  # characters kept: a recursion error's is megabytes


class _TimedOut(BaseException):
    """Raised in the job by its alarm. Not an Exception: the job is not to catch it."""


class _NoRoom(Exception):
    """The disk is full: the fault of nobody's code, and worth another try."""


def execute(order: Order, place: Place, stopping: Callable[[], bool] = lambda: False) -> Event:
    """Run one attempt to its end and tell ``place`` all about it.

    Never raises for what the job does: its end, good or bad, is the *ended* event that is emitted
    last and returned. The function runs in this process and thread.
    """
    began = time.monotonic()
    cpu = _cpu_seconds()

    def event(kind: Any, data: dict[str, Any]) -> Event:
        return Event(
            run=order.run, job=order.job, attempt=order.attempt, kind=kind, time=time.time(), data=data
        )

    place.emit(event("started", {"pid": os.getpid()}))
    if order.service:
        over = until_unused(order, stopping, lambda: job.used)
        job = JobContext(order, place, over)
        job.port = free_port()
        end = _outcome(order, job, place, over)
    else:
        job = JobContext(order, place, stopping)
        end = _outcome(order, job, place, stopping)
    job.flush()
    _flush_output()
    end |= {
        "seconds": time.monotonic() - began,
        "cpu_seconds": _cpu_seconds() - cpu,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    ended = event("ended", end)
    place.emit(ended)
    return ended


def _outcome(order: Order, job: JobContext, place: Place, stopping: Callable[[], bool]) -> dict[str, Any]:
    try:
        set_threads(order.threads)
        function = load(order.function)
        seed_all(order.seed)
        # A service that reaches its time is asked to stop, like one that is stopped.
        with nullcontext() if order.service else _alarm(order.timeout):
            value = (_served if order.service else _called)(function, job, order.params)
        value = checked(value)
        artifacts = _keep_all(place, job.declared)
    except _NoRoom as error:
        return {"state": "interrupted", "error": _plain("", str(error))}
    except Stopped:
        if not stopping():
            message = "it raised Stopped though the run was not being stopped"
            return {"state": "failed", "error": _plain("Stopped", message)}
        return {"state": "interrupted", "saved": True, "error": _plain("Stopped", "saved and stopped")}
    except _TimedOut:
        return {"state": "timed out", "error": _plain("", f"still running after {order.timeout:g} s")}
    except (BadResult, ArtifactError) as error:
        return {"state": "failed", "error": _plain(type(error).__name__, str(error))}
    except BaseException as error:  # sys.exit, KeyboardInterrupt: the job's failure, not the worker's
        return {"state": "failed", "error": msgspec.to_builtins(_failure(error, order.function))}
    return {"state": "succeeded", "value": value, "artifacts": msgspec.to_builtins(artifacts)}


def until_unused(order: Order, stopping: Callable[[], bool], used: Callable[[], float]) -> Callable[[], bool]:
    """When a service is to stop: told so, at the end of its time, or when nobody has used it for long."""
    end = time.monotonic() + order.timeout

    def over() -> bool:
        now = time.monotonic()
        return stopping() or now > end or bool(order.idle and now - used() > order.idle)

    return over


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _served(function: Callable[..., Any], job: JobContext, params: dict[str, Any]) -> Any:
    """Serve until it is to stop. That a service was stopped is its good end."""
    try:
        return _called(function, job, params)
    except Stopped:
        if not job.should_stop():
            raise
        return None


def _called(function: Callable[..., Any], job: JobContext, params: dict[str, Any]) -> Any:
    """Call the function. A child that it forked and that comes back here is not the job: it ends."""
    process = os.getpid()
    try:
        return function(job, **params)
    finally:
        if os.getpid() != process:
            _flush_output()
            os._exit(1 if sys.exc_info()[0] else 0)


def load(function: str) -> Callable[..., Any]:
    """The callable that ``module:function`` names. Raises ImportError, saying which half is wrong."""
    module_name, _, attribute = function.partition(":")
    found: Any = importlib.import_module(module_name)
    for part in attribute.split("."):
        found = getattr(found, part, None)
        if found is None:
            raise ImportError(f"module {module_name} has no function {attribute!r}")
    if not callable(found):
        raise ImportError(f"{function} is not a function")
    return found  # type: ignore[no-any-return]


def set_threads(count: int) -> None:
    """Hold the job to ``count`` threads: by variables for what is imported later, and torch directly."""
    for name in THREAD_VARIABLES:
        os.environ[name] = str(count)
    torch = sys.modules.get("torch")
    if torch is not None and torch.get_num_threads() != count:
        torch.set_num_threads(count)


def seed_all(seed: int) -> None:
    """Seed what is loaded: a fork inherits the random state of numpy and torch."""
    random.seed(seed)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(seed % 2**32)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(seed)


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    # Signals reach the main thread only. Elsewhere, and in C code, the host's own watch ends the job.
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(signum: int, frame: FrameType | None) -> None:
        raise _TimedOut

    former = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)


def _keep_all(place: Place, names: Iterable[str]) -> list[Artifact]:
    try:
        return [_kept(place, name) for name in names]
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _NoRoom(f"there was no room to keep what it wrote: {error}") from None
        raise


def _kept(place: Place, name: str) -> Artifact:
    return place.keep(inside(place.folder / "artifacts", name), name)


def _plain(kind: str, message: str) -> dict[str, str]:
    return {"type": kind, "message": message}


def _failure(error: BaseException, function: str) -> JobFailure:
    """Describe an exception without trusting it: its own text may raise."""
    try:
        message = str(error)
    except BaseException:
        message = "(its message could not be read)"
    try:
        trace = "".join(traceback.format_exception(error))
    except BaseException:
        trace = "".join(traceback.format_tb(error.__traceback__))
    if len(trace) > TRACEBACK_LIMIT:
        half = TRACEBACK_LIMIT // 2
        trace = trace[:half] + "\n[...]\n" + trace[-half:]
    return JobFailure(
        type=_text(type(error).__name__),
        message=_text(message)[:2000],
        where=_text(_where(error.__traceback__, function.partition(":")[0])),
        traceback=_text(trace),
    )


def _where(trace: TracebackType | None, module: str) -> str:
    """``file.py:12`` of the innermost frame of the author's own package, else of the innermost one."""
    package = module.split(".")[0]
    best = last = ""
    while trace is not None:
        name = trace.tb_frame.f_globals.get("__name__", "")
        place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        if not str(name).startswith("labctl.worker"):
            last = place
        if str(name).split(".")[0] == package:
            best = place
        trace = trace.tb_next
    return best or last


def _text(value: str) -> str:
    return value.encode("utf-8", "backslashreplace").decode()


def _flush_output() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass  # the job closed or replaced it


def _cpu_seconds() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
