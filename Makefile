PYTHON ?= python3

.PHONY: run test setup lint bench drills fuzz
run test setup lint bench drills fuzz:
	@$(PYTHON) tools/dev.py $@
