PYTHON ?= python3

.PHONY: run test setup lint bench drills
run test setup lint bench drills:
	@$(PYTHON) tools/dev.py $@
