"""Names of what a measuring job writes; here, so that a reader of readings needs no torch."""

READINGS = "readings.safetensors"
