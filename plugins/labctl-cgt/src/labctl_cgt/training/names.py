"""Names of what a training job writes; here, so that a reader of outcomes needs no torch."""

OUTCOMES = "outcomes.safetensors"
SNAPSHOTS = "snapshots"
SETTINGS = "settings.safetensors"
