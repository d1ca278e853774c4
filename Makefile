PYTHON ?= python3

.PHONY: run test setup lint bench
run test setup lint bench:
	@$(PYTHON) tools/dev.py $@
