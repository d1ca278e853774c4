"""What authors test with: one job here and now, a lab in a folder, a remote executor without a cloud."""

from labctl.testing.contract import PluginContract
from labctl.testing.executors import ExecutorContract
from labctl.testing.jobs import run_job
from labctl.testing.lab import Done, Lab
from labctl.testing.remote import FakeRemote, FakeRemoteOptions

__all__ = ["Done", "ExecutorContract", "FakeRemote", "FakeRemoteOptions", "Lab", "PluginContract", "run_job"]
