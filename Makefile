# Every command of the house. `make` alone prints this menu; none of them needs more than Python and git.
.DEFAULT_GOAL := menu
.PHONY: console-pictures menu demo test fast lint types imports docs check ci wheel clean yardstick \
        bench-found bench-text bench-speed bench-second bench-real bench-calibrate bench-gateway bench-share bench-faults bench-console bench-match bench-spark bench-kill picture figures results

env = . scripts/environment.sh && make_environment dev &&

menu:                ## this menu
	@awk -F ' *## ' '/^[a-z-]+:.*## / { split($$1, name, ":"); printf "  make %-16s %s\n", name[1], $$2 }' $(MAKEFILE_LIST)
demo:                ## the first minute: simulate, sweep, explain, draw
	@./run-demo
test:                ## all tests, slow ones too
	@./run-tests
fast:                ## the tests that take seconds
	@./run-tests -m "not slow"
lint:                ## ruff
	@$(env) "$$VENV/bin/ruff" check .
types:               ## mypy --strict
	@$(env) "$$VENV/bin/mypy" --strict src
imports:             ## the import laws
	@$(env) "$$VENV/bin/lint-imports" --no-cache
docs:                ## write docs/cli.md, signals.md and patterns.md anew
	@$(env) "$$VENV/bin/python" docs/generate.py
check: lint types imports test  ## all of the above, here
ci:                  ## the same in a clean environment, as the build does
	@.ci/run
wheel:               ## build the wheel into dist/
	@$(env) "$$VENV/bin/python" -m hatchling build -t wheel
console-pictures:    ## docs/pictures/console, by the browser's walk
	@STILLWATCH_PICTURES="$(CURDIR)/docs/pictures/console" ./run-tests tests/console/walk/test_days_work.py
bench-found:         ## what is found and what is left alone, on simulated worlds
	@$(env) "$$VENV/bin/python" -m bench.found
bench-text:          ## speed of the text pass against a bare scan
	@$(env) "$$VENV/bin/python" -m bench.text_pass
bench-speed:         ## speed and memory of a whole sweep
	@$(env) "$$VENV/bin/python" -m bench.sweep_speed
bench-second:        ## the second author's holdout worlds
	@$(env) "$$VENV/bin/python" -m bench.second_author run bench/out/second-author
bench-real:          ## real prompts and arrivals (needs STILLWATCH_DATA)
	@$(env) "$$VENV/bin/python" -m bench.real_input
bench-gateway:       ## CPU that the LiteLLM plug-in adds to a real proxy
	@$(env) make_gateway_environment && "$$VENV/bin/python" -m bench.gateway_overhead
bench-faults:        ## faults planted one by one under a real proxy that serves (needs redis-server)
	@$(env) make_gateway_environment && "$$VENV/bin/python" -m bench.gateway_faults
bench-console:       ## server time of the console's pages at 125,000 accounts
	@$(env) "$$VENV/bin/python" -m bench.console_speed
bench-kill:          ## kills ingest, sweep, migration, backup and more at 50 random moments; the next run must end the same
	@$(env) "$$VENV/bin/python" -m bench.kill --out bench/figures/kill.json
bench-match:         ## a private match of 25,000 tokens against 1,000,000 (set-up takes minutes)
	@$(env) "$$VENV/bin/python" -m bench.private_match --out bench/figures/private_match.json
bench-spark:         ## Spark's CPU beside the embedded engine's, on the same files (needs Java 17)
	@$(env) "$$VENV/bin/python" -m bench.spark --out bench/figures/spark.json
bench-share:         ## two providers as processes: what one finds with the other's indicators
	@$(env) "$$VENV/bin/python" -m bench.two_providers
picture:             ## draw the README's picture anew (needs Chromium)
	@$(env) "$$VENV/bin/python" -m bench.demo_picture
bench-calibrate:     ## how to fit the calibration anew
	@$(env) "$$VENV/bin/python" -m bench.calibrate --help
yardstick:           ## accuracy, early, evasion, calibration, peers, ablation, world size (an hour and a half), then docs/results.md
	@$(env) P="$$VENV/bin/python" && \
	$$P -m bench.accuracy --missing-seeds 2 && $$P -m bench.calibration --seeds 641 642 643 644 645 646 647 648 && $$P -m bench.early --seeds 411 412 --cap 60 --clean 2 && \
	$$P -m bench.evasion --seeds 401 --campaigns letter quiet_ring && $$P -m bench.peers_on_worlds && \
	$$P -m bench.ablation --seeds 561 && $$P -m bench.world_size --scale 1 --out bench/figures/world_size.json && \
	{ [ -z "$${STILLWATCH_DATA:-}" ] || { W="$$P -m bench.window_field" && $$W --seeds 305 306 --windows 25 --sizes 100 200 && \
	$$W --pairs gpteacher_toolformer:gsm8k --seeds 305 --windows 20 --sizes 500 --out bench/figures/window_field_500.json && \
	$$W --pairs everything:gsm8k --seeds 305 --windows 20 --sizes 1500 --shares 0 0.05 --out bench/figures/window_field_1500.json; }; } && \
	$$P -m bench.results
figures:             ## measure all of it anew (more than an hour), then write docs/results.md
	@$(env) P="$$VENV/bin/python" F=bench/figures && mkdir -p $$F && \
	$$P -m bench.found --out $$F/found.json && \
	$$P -m bench.second_author run bench/out/second-author --seeds 13,14 --figures $$F/second_author.json && \
	$$P -m bench.text_pass --rows 400000 --json > $$F/text_pass.json && \
	$$P -m bench.sweep_speed --profile letter --scale 0.03 --out $$F/sweep_speed_short.json && \
	$$P -m bench.sweep_speed --texts long --rows 60000 --out $$F/sweep_speed_long.json && \
	$$P -m bench.sweep_speed --profile letter --scale 0.19 --out $$F/sweep_speed_ten_million.json && \
	{ [ -z "$${STILLWATCH_DATA:-}" ] || $$P -m bench.real_input --out $$F/real_input.json; } && \
	$$P -m bench.results
results:             ## write docs/results.md from the figures that the benches left
	@$(env) "$$VENV/bin/python" -m bench.results
clean:               ## remove what a build leaves; the environment stays
	@rm -rf dist build .mypy_cache .ruff_cache .import_linter_cache .hypothesis
