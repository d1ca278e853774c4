"""The three executors of ours under the contract that third parties' have to stand."""

from __future__ import annotations

from labctl.testing import ExecutorContract


class TestInline(ExecutorContract):
    entry = "labctl.executors.inline:InlineExecutor"


class TestLocal(ExecutorContract):
    entry = "labctl.executors.local:LocalExecutor"


class TestFakeRemote(ExecutorContract):
    entry = "labctl.testing.remote:FakeRemote"
    losing = ("--lose", "1")
