"""What authors test with: run one job here and now, without a host."""

from labctl.testing.jobs import run_job

__all__ = ["run_job"]
