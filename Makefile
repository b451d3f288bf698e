# cnproc for C programmers. make help tells the targets.

CARGO ?= cargo
CC ?= cc
CFLAGS ?= -O2 -g
CARGO_TARGET_DIR ?= target
FUZZ_SECONDS ?= 60

OUT := $(CARGO_TARGET_DIR)/c
CAPI := $(CARGO_TARGET_DIR)/capi

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
SONAME := libcnproc.so.0
MAP := cnproc-ffi/libcnproc.map
EXPORTS := $(shell sed -n 's/^ *\(cnproc_[a-z_]*\);.*/\1/p' $(MAP))

.PHONY: all lib run check layouts fuzz kernels architectures golden bench clean help FORCE

all: lib $(OUT)/proc_events  ## the C library, static and shared, and the classic program

help:  ## this text
	@sed -n 's/^\([a-z]*\):.*##/make \1\t/p' $(MAKEFILE_LIST)

lib: $(OUT)/libcnproc.a $(OUT)/libcnproc.so  ## the C library

# Cargo knows what is up to date.
$(CAPI)/libcnproc.a: FORCE
	@$(CARGO) build --quiet --package cnproc-cdylib --profile capi

$(OUT)/libcnproc.a: $(CAPI)/libcnproc.a
	@mkdir -p $(OUT)
	@cmp -s $< $@ || install -m 644 $< $@

# Linked here, not by cargo: only so do the symbols get their versions, with every linker.
$(OUT)/libcnproc.so: $(OUT)/libcnproc.a $(MAP)
	@mkdir -p $(OUT)
	$(CC) -shared -o $(OUT)/libcnproc.so.$(VERSION).new $(EXPORTS:%=-Wl,-u,%) -Wl,--gc-sections $< \
	    -Wl,--version-script=$(MAP) -Wl,-soname,$(SONAME) -Wl,-z,defs $(LDFLAGS) -lc
	@mv $(OUT)/libcnproc.so.$(VERSION).new $(OUT)/libcnproc.so.$(VERSION)
	@ln -sf libcnproc.so.$(VERSION) $(OUT)/$(SONAME)
	@ln -sf $(SONAME) $(OUT)/libcnproc.so

$(OUT)/proc_events: cnproc-ffi/examples/proc_events.c include/cnproc.h $(OUT)/libcnproc.a
	$(CC) -std=c99 $(CFLAGS) -Wall -Wextra -Iinclude -o $@ $< $(OUT)/libcnproc.a $(LDFLAGS)

run: $(OUT)/proc_events  ## the classic program, on the live kernel, until Ctrl-C
	@$(OUT)/proc_events

check: lib  ## every test
	$(CARGO) test --workspace

layouts:  ## the kernel's layouts, on every architecture whose headers Debian has
	tests/layout/architectures.sh

fuzz:  ## the parser, the C functions and the gap counter, FUZZ_SECONDS each: nightly, cargo-fuzz
	tests/fuzz/run.sh $(FUZZ_SECONDS)

golden:  ## capture tests/golden anew, from the running kernel
	@mkdir -p $(OUT)
	$(CC) -std=c11 -Wall -Wextra -pthread -o $(OUT)/capture tests/golden/capture.c
	$(OUT)/capture tests/golden

bench:  ## the benchmarks, as root: bench/README.md tells how, and of ROUNDS and SCENARIOS
	+$(MAKE) -C bench

kernels:  ## the tests on other kernels, in virtual machines (Debian; installs qemu and cross compilers)
	tests/kernels/run.sh

architectures:  ## the parser's tests on other architectures, emulated (Debian, likewise)
	tests/kernels/architectures.sh

clean:  ## away with everything built
	$(CARGO) clean
