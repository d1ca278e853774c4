"""Runs that cannot be gone on with, and what to type instead."""

from __future__ import annotations

from labctl.errors import InfrastructureError, UsageError
from labctl.store.queries import RunRow
from labctl.walk.planfile import SavedPlan
from labctl.walk.request import Request

UNTRUSTED = 1  # of RunRow.imported


def request_of(row: RunRow, saved: SavedPlan) -> Request:
    """What was asked of a run. Raises UsageError for one whose plan is somebody else's."""
    if row.imported == UNTRUSTED or saved.request is None:
        raise UsageError(
            f"{row.name} was imported: its plan is its sender's, and is not run here",
            details=["nothing was started"],
            hints=[f"labctl runs show {row.name} --parameters says what to type for labctl run {row.plugin}"],
        )
    service = next((job for job in saved.frozen.plan.jobs if job.service), None)
    if service is not None:
        raise UsageError(
            f"{row.name} was the service {service.local_id}, and a service is started anew",
            hints=[f"labctl serve {row.plugin} {service.local_id} --from {row.name}"],
        )
    return saved.request


def owned(row: RunRow) -> InfrastructureError:
    """The error for a run that another process drives."""
    return InfrastructureError(
        f"{row.name} is running: another process drives it",
        details=["nothing was changed"],
        hints=[f"labctl runs watch {row.name}", f"labctl runs cancel {row.name}"],
    )
