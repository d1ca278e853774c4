"""The far side of a job: what an executor runs on the machine it has found."""

from labctl.model.jobcontext import JobContext, Place, Stopped
from labctl.model.wire import Event, FileRef, Order
from labctl.worker.execute import execute

__all__ = ["Event", "FileRef", "JobContext", "Order", "Place", "Stopped", "execute"]
