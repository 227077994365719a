# Two commands do everything on a fresh Debian 12 machine: `make demo` and `make test`. The rest are parts of them.
# CMake users: see CMakePresets.json.
JOBS ?= $(shell nproc)
PROGRAM := build/release/braggbench
export CCACHE_MAXSIZE ?= 5G
# Two programs that share the cores would otherwise spin against each other (docs/performance.md).
export OMP_WAIT_POLICY ?= passive

.PHONY: demo test test-interop test-sanitize test-suite build bench gallery format lint clean setup setup-interop

demo: build
	tools/demo $(CURDIR)/$(PROGRAM) $(CURDIR)/demo-output

test: build test-sanitize
	ctest --test-dir build/release --output-on-failure -j $(JOBS) -LE interop

# The torch-free tests under AddressSanitizer and UndefinedBehaviorSanitizer.
test-sanitize: setup
	cmake --preset sanitize >/dev/null
	cmake --build --preset sanitize -j $(JOBS)
	LSAN_OPTIONS=suppressions=$(CURDIR)/tests/lsan.supp:print_suppressions=0 \
	  ctest --test-dir build/sanitize --output-on-failure -j $(JOBS) -LE interop

# Independent judges: DIALS, dxtbx, fabio, h5py, scikit-learn.
test-interop: build setup-interop
	ctest --test-dir build/release --output-on-failure -L interop

# The suite `ci` beside its baseline: did anything get worse? Without speeds: who runs this shares the machine.
test-suite: build
	$(PROGRAM) bench ci -o build/ci-results.json --junit build/ci-results.xml
	$(PROGRAM) bench compare --without-speeds bench/baselines/ci.json build/ci-results.json

build: setup
	cmake --preset release >/dev/null
	cmake --build --preset release -j $(JOBS)

gallery: build
	tools/gallery $(CURDIR)/$(PROGRAM) $(CURDIR)/docs

# JSON=new.json keeps the times of ten repeats in a file, for `braggbench bench compare`; FILTER=regex chooses.
bench: build
	build/release/braggbench_micro --benchmark_filter='$(or $(FILTER),.)' $(if $(JSON),--benchmark_out='$(JSON)' \
	  --benchmark_out_format=json --benchmark_repetitions=10 --benchmark_enable_random_interleaving=true \
	  --benchmark_context=processor="$$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1 | tr ' ' '_')")

format:
	git ls-files '*.cpp' '*.hpp' | xargs clang-format -i

# What does not need torch: Debian's clang-tidy 14 cannot read torch's headers as C++20.
lint: setup
	git ls-files '*.cpp' '*.hpp' | xargs clang-format --dry-run -Werror
	cmake --preset release -B build/lint -DBRAGGBENCH_TORCH=OFF >/dev/null
	run-clang-tidy -quiet -p build/lint -j $(JOBS)

clean:
	rm -rf build demo-output

setup:
	@tools/setup build

setup-interop:
	@tools/setup interop
