# cnproc for C programmers. make help tells the targets.

CARGO ?= cargo
CC ?= cc
CFLAGS ?= -O2 -g
LD := $(shell $(CC) -print-prog-name=ld)
CARGO_TARGET_DIR ?= target
FUZZ_SECONDS ?= 60

# Where make install puts things, below DESTDIR.
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
DOCDIR ?= $(PREFIX)/share/doc/cnproc

OUT := $(CARGO_TARGET_DIR)/c
CAPI := $(CARGO_TARGET_DIR)/capi

package = $(shell sed -n 's/^$(1) = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
VERSION := $(call package,version)
URL := $(call package,repository)
SONAME := libcnproc.so.0
SHARED := libcnproc.so.$(VERSION)
MAP := cnproc-ffi/libcnproc.map
EXPORTS := $(shell sed -n 's/^ *\(cnproc_[a-z_]*\);.*/\1/p' $(MAP))
EXAMPLES := $(wildcard cnproc-ffi/examples/*.c)
PAGES := $(wildcard cnproc-ffi/man/*.3)
DOCUMENTS := CHANGELOG.md LICENSE-APACHE LICENSE-MIT PORTING.md VERSIONING.md

.PHONY: all lib run check layouts fuzz kernels architectures golden bench clean help FORCE

all: lib $(OUT)/proc_events  ## the C library, static and shared, and the classic program

help:  ## this text
	@sed -n 's/^\([a-z]*\):.*##/make \1\t/p' $(MAKEFILE_LIST)

lib: $(OUT)/libcnproc.a $(OUT)/libcnproc.so $(OUT)/cnproc.pc  ## the C library

# A twentieth off the code: small functions are inlined, others are not. A third off the tables by which debuggers
# and pthread_cancel unwind: with frame pointers (which profilers like, too) they say less.
CAPI_RUSTFLAGS := -C force-frame-pointers=yes -C llvm-args=-inline-threshold=20

# Cargo knows what is up to date.
$(CAPI)/libcnproc.a: FORCE
	@RUSTFLAGS="$(RUSTFLAGS) $(CAPI_RUSTFLAGS)" $(CARGO) build --quiet --manifest-path cnproc-ffi/cdylib/Cargo.toml --target-dir $(CARGO_TARGET_DIR) --profile capi

# Of cargo's archive, which holds the whole of core, what the exports need: one object, whose other names
# are local, so that it gets along with every other library.
$(OUT)/libcnproc.a: $(CAPI)/libcnproc.a $(MAP) Makefile
	@mkdir -p $(OUT)/object
	@$(LD) -r --gc-sections $(EXPORTS:%=-u %) -o $(OUT)/object/cnproc.o $<
	@rm -f $@.new
	@$(AR) rcsD $@.new $(OUT)/object/cnproc.o
	@mv $@.new $@

# Linked here, not by cargo: only so do the symbols get their versions, with every linker. No start files, for
# nothing is to be done when it is loaded; no segment of its own for code, which would begin and end with a
# page half empty.
$(OUT)/libcnproc.so: $(OUT)/libcnproc.a $(MAP) Makefile
	@$(CC) -shared -nostartfiles -o $(OUT)/$(SHARED).new $(EXPORTS:%=-Wl,-u,%) -Wl,--gc-sections $< \
	    -Wl,--version-script=$(MAP) -Wl,-soname,$(SONAME) -Wl,-z,defs -Wl,-z,relro,-z,now \
	    -Wl,-z,noseparate-code $(LDFLAGS) -lc
	@mv $(OUT)/$(SHARED).new $(OUT)/$(SHARED)
	@ln -sf $(SHARED) $(OUT)/$(SONAME)
	@ln -sf $(SONAME) $(OUT)/libcnproc.so

$(OUT)/cnproc.pc: cnproc-ffi/libcnproc.pc.in Cargo.toml FORCE
	@mkdir -p $(OUT)
	@sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR:$(PREFIX)/%=$${prefix}/%)|' \
	    -e 's|@INCLUDEDIR@|$(INCLUDEDIR:$(PREFIX)/%=$${prefix}/%)|' \
	    -e 's|@URL@|$(URL)|' -e 's|@VERSION@|$(VERSION)|' $< > $@

$(OUT)/%: cnproc-ffi/examples/%.c include/cnproc.h $(OUT)/libcnproc.a
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

.PHONY: install uninstall

# The names that a manual page tells of, its own first.
names = $(shell sed -n '/^\.Sh SYNOPSIS/q;s/^\.Nm \(cnproc_[a-z_]*\).*/\1/p' $(1))

install: lib  ## the C library, its header and manual; PREFIX, DESTDIR, LIBDIR and so on say where
	install -d $(addprefix $(DESTDIR),$(LIBDIR)/pkgconfig $(INCLUDEDIR) $(MANDIR)/man3 $(MANDIR)/man7 \
	    $(DOCDIR)/examples)
	install -m 755 $(OUT)/$(SHARED) $(DESTDIR)$(LIBDIR)/$(SHARED)
	ln -sf $(SHARED) $(DESTDIR)$(LIBDIR)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libcnproc.so
	install -m 644 $(OUT)/libcnproc.a $(DESTDIR)$(LIBDIR)/libcnproc.a
	install -m 644 $(OUT)/cnproc.pc $(DESTDIR)$(LIBDIR)/pkgconfig/cnproc.pc
	install -m 644 include/cnproc.h $(DESTDIR)$(INCLUDEDIR)/cnproc.h
	install -m 644 cnproc-ffi/man/cnproc.7 $(DESTDIR)$(MANDIR)/man7/cnproc.7
	install -m 644 $(PAGES) $(DESTDIR)$(MANDIR)/man3
	$(foreach page,$(PAGES),$(foreach name,$(filter-out $(basename $(notdir $(page))),$(call names,$(page))), \
	    ln -sf $(notdir $(page)) $(DESTDIR)$(MANDIR)/man3/$(name).3 &&)) true
	install -m 644 $(DOCUMENTS) $(DESTDIR)$(DOCDIR)
	install -m 644 $(EXAMPLES) $(DESTDIR)$(DOCDIR)/examples

uninstall:  ## what make install has put there
	rm -f $(addprefix $(DESTDIR)$(LIBDIR)/,$(SHARED) $(SONAME) libcnproc.so libcnproc.a pkgconfig/cnproc.pc)
	rm -f $(DESTDIR)$(INCLUDEDIR)/cnproc.h $(DESTDIR)$(MANDIR)/man7/cnproc.7
	rm -f $(foreach page,$(PAGES),$(DESTDIR)$(MANDIR)/man3/$(notdir $(page)) \
	    $(patsubst %,$(DESTDIR)$(MANDIR)/man3/%.3,$(call names,$(page))))
	rm -rf $(DESTDIR)$(DOCDIR)

clean:  ## away with everything built
	$(CARGO) clean
