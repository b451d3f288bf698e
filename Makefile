# cnproc for C programmers. "make help" lists the targets. V=1 prints the commands.

CARGO ?= cargo
CC ?= cc
CARGO_TARGET_DIR ?= target
FUZZ_SECONDS ?= 60

# Debian's default flags. What the environment or the command line sets replaces them.
CPPFLAGS ?= -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
CFLAGS ?= -O2 -g -fstack-protector-strong -Wformat -Werror=format-security
LDFLAGS ?= -Wl,-z,relro,-z,now

# The compiler's own binary tools, so that CC alone selects a cross toolchain. Make predefines AR.
tool = $(shell $(CC) -print-prog-name=$(1))
ifeq ($(origin AR),default)
AR := $(call tool,ar)
endif
NM ?= $(call tool,nm)
OBJCOPY ?= $(call tool,objcopy)
# Empty: install the library with its symbols and line numbers.
STRIP ?= $(call tool,strip)
LDCONFIG ?= ldconfig

# Where make install puts the files, below DESTDIR.
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
DOCDIR ?= $(PREFIX)/share/doc/cnproc

# Like cargo, keep the output for each target architecture apart.
OUT := $(CARGO_TARGET_DIR)$(CARGO_BUILD_TARGET:%=/%)/c
ifneq ($(words $(OUT)),1)
$(error CARGO_TARGET_DIR contains a space, which make cannot handle: $(CARGO_TARGET_DIR))
endif

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
SOURCES := $(shell find cnproc-*/src cnproc-ffi/cdylib -name '*.rs' -o -name 'Cargo.*') $(wildcard Cargo.* cnproc-*/Cargo.toml)

ifneq ($(V),1)
Q := @
endif

# 'text', quoted for the shell, whatever the text contains.
quote = '$(subst ','\'',$(1))'

.PHONY: all lib run check check-unit check-install layouts fuzz kernels architectures cross bindings packages environments golden bench dist clean help FORCE
.DELETE_ON_ERROR:
# Targets share directories; cargo itself uses all processors.
.NOTPARALLEL:

all: lib $(OUT)/proc_events  ## the C library, static and shared, and the example proc_events

help:  ## this text
	@sed -n 's/^\([a-z-]*\):.*##/make \1\t/p' $(MAKEFILE_LIST)

lib: $(OUT)/libcnproc.a $(OUT)/libcnproc.so  ## the C library
	@touch $(OUT)/built

# Small functions are inlined, others are not: 5 % less code. Profilers and debuggers unwind the stack by frame
# pointers, so the tables for that are left out. Nothing unwinds through the library, because it aborts
# instead of panicking and blocks pthread_cancel.
CAPI_RUSTFLAGS := -C force-frame-pointers=yes -C llvm-args=-inline-threshold=20

# On ARM the tables are elsewhere, and require functions of libgcc_s.
UNWIND_TABLES := -R .eh_frame -R .rela.eh_frame -R .rel.eh_frame -R '.ARM.ex*' -R '.rel.ARM.ex*' \
    --strip-unneeded-symbol='__aeabi_unwind_cpp_pr[01]' --wildcard

# A release tarball contains the crates that the library depends on in vendor/: it builds without a network.
VENDORED := $(if $(wildcard vendor),--offline --config 'source.crates-io.replace-with="vendor"' \
    --config 'source.vendor.directory="vendor"')
CARGO_RUSTC = RUSTFLAGS=$(call quote,$(RUSTFLAGS) $(CAPI_RUSTFLAGS)) $(CARGO) rustc $(if $(Q),--quiet,--verbose) \
    --manifest-path cnproc-ffi/cdylib/Cargo.toml --target-dir $(CARGO_TARGET_DIR) --profile capi \
    --crate-type staticlib --message-format json-render-diagnostics --locked $(VENDORED) $(CARGOFLAGS)

# Only cargo knows whether its archive is up to date, and where it is: a target architecture, which may also come from
# cargo's configuration, has a directory of its own.
$(OUT)/cargo/libcnproc.a: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)$(CARGO_RUSTC) >$(@D)/messages
	$(Q)archive=$$(sed -n '/"filenames":\[".*\/libcnproc\.a"\]/{s/.*"filenames":\["\(.*\)"\].*/\1/;s/\\\(.\)/\1/g;p}' \
	    $(@D)/messages) && \
	    { cmp -s "$$archive" $@ || cp "$$archive" $@; }

# $(call check-exports,FILE,OPTIONS OF nm): FILE defines each function of the map. A linker can leave the whole library
# out and still report success, for example where one of its plugins takes it for LLVM bitcode.
define check-exports
$(Q)defined=" $$($(NM) $(2) $(1) | sed -n 's/.* [A-Za-z] \(cnproc_[a-z_]*\).*/\1/p' | tr '\n' ' ')" && \
    for name in $(EXPORTS); do \
        case "$$defined" in *" $$name "*) ;; *) \
            echo "$(1): $$name was left out (CC=$(CC), AR=$(AR))" >&2; exit 1 ;; \
        esac; \
    done
endef

# Cargo's archive contains all of core. This one contains a single object, which is all that the exports need: what else
# it calls is in libc and in the C compiler's own support library.
$(OUT)/libcnproc.a: $(OUT)/cargo/libcnproc.a $(MAP) Makefile
	$(Q)rm -rf $(OUT)/object $@.new
	$(Q)mkdir $(OUT)/object
	$(Q)cd $(OUT)/object && $(AR) x ../cargo/libcnproc.a $$($(AR) t ../cargo/libcnproc.a | grep '^cnproc-') && \
	    mv cnproc-*.o cnproc.o && $(OBJCOPY) $(UNWIND_TABLES) cnproc.o
	$(Q)$(AR) rcsD $@.new $(OUT)/object/cnproc.o
	$(call check-exports,$@.new,-g --defined-only)
	$(Q)mv $@.new $@

# Linked here and not by cargo, because some linkers that cargo drives ignore or refuse a version script. No start
# files, because nothing runs when the library is loaded; code and read-only data share a segment, because
# separate segments are padded to pages.
LINK_SHARED = $(CC) $(CFLAGS) $(LDFLAGS) -shared -nostartfiles -o $(OUT)/$(SHARED).new $(EXPORTS:%=-Wl,-u,%) \
    -Wl,--gc-sections $(OUT)/libcnproc.a -Wl,--version-script=$(MAP) -Wl,-soname,$(SONAME) -Wl,-z,defs \
    -Wl,-z,relro,-z,now -Wl,-z,noexecstack -Wl,-z,noseparate-code -lc

# Linked twice: the build-id is the hash of the stripped library. A linker's own would depend on symbols and debug
# information, which contain the directory.
$(OUT)/libcnproc.so: $(OUT)/libcnproc.a $(MAP) Makefile
	$(Q)$(LINK_SHARED) -Wl,--build-id=none
	$(call check-exports,$(OUT)/$(SHARED).new,-D --defined-only)
	$(Q)$(OBJCOPY) --strip-all $(OUT)/$(SHARED).new $(OUT)/object/stripped
	$(Q)id=$$(sha1sum <$(OUT)/object/stripped | cut -d ' ' -f 1) && $(LINK_SHARED) -Wl,--build-id=0x$$id
	$(Q)mv $(OUT)/$(SHARED).new $(OUT)/$(SHARED)
	$(Q)ln -sf $(SHARED) $(OUT)/$(SONAME)
	$(Q)ln -sf $(SONAME) $(OUT)/libcnproc.so

$(OUT)/%: cnproc-ffi/examples/%.c include/cnproc.h $(OUT)/libcnproc.a
	$(Q)$(CC) -std=c99 $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -Wall -Wextra -Iinclude -o $@ $< $(OUT)/libcnproc.a

run: $(OUT)/proc_events  ## the example proc_events, on the live kernel, until Ctrl-C
	@$(OUT)/proc_events

check: lib  ## every test
	CARGO='$(CARGO)' tests/check.sh

# The crates as they ship, because their tests' dependencies need a registry, and the C library as it was built. One unit
# test reads the kernel's list of connectors.
check-unit: lib  ## the tests that need no root, network, connector or git, for package builders
	packaging/shipped.sh $(OUT)/shipped
	$(CARGO) test --workspace --lib --no-fail-fast --manifest-path $(OUT)/shipped/Cargo.toml \
	    --target-dir $(CARGO_TARGET_DIR)/unit $(VENDORED) $(CARGOFLAGS) -- --skip connector_of_this_machine_is_listed
	tests/portable/run.sh $(OUT) $(RUNNER)

check-install: lib  ## the tests of make install, uninstall and dist
	tests/install/run.sh
	tests/install/tarball.sh

layouts:  ## the kernel's layouts, on every architecture whose headers Debian has
	tests/layout/architectures.sh

fuzz:  ## the parser, the C functions and the gap counter, FUZZ_SECONDS each: nightly, cargo-fuzz
	tests/fuzz/run.sh $(FUZZ_SECONDS)

golden:  ## capture tests/golden again, from the running kernel
	@mkdir -p $(OUT)
	$(CC) -std=c11 $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -Wall -Wextra -pthread -o $(OUT)/capture tests/golden/capture.c
	$(OUT)/capture tests/golden

bench:  ## the benchmarks, as root: bench/README.md describes them, ROUNDS and SCENARIOS
	+$(MAKE) -C bench

kernels:  ## the tests on other kernels, in virtual machines (Debian; installs qemu and cross compilers)
	tests/kernels/run.sh

architectures:  ## the parser's tests on other architectures, emulated (Debian, likewise)
	tests/kernels/architectures.sh

cross:  ## the C library for other architectures and musl, its tests emulated (Debian, likewise); TARGETS
	tests/cross/run.sh $(TARGETS)

bindings:  ## the bindings for Python and Go, and their tests, on the live kernel
	tests/bindings/run.sh

packages:  ## the packages of Debian 12 and 13, Fedora and Alpine, as root on Debian
	packaging/minimum.sh
	packaging/debian.sh bookworm
	packaging/debian.sh trixie
	packaging/fedora.sh
	packaging/alpine.sh

environments:  ## make check as users, packagers and containers run it, as root on Debian; ENVIRONMENTS
	tests/environments/run.sh $(ENVIRONMENTS)

.PHONY: install uninstall

# A file or directory below DESTDIR, quoted for the shell.
at = $(call quote,$(DESTDIR)$(1))
# The names that a manual page documents, and those that are links to the page.
names = $(shell sed -n '/^\.Sh SYNOPSIS/q;s/^\.Nm \(cnproc_[a-z_]*\).*/\1/p' $(1))
links = $(filter-out $(basename $(notdir $(1))),$(call names,$(1)))

# Substitutes a path for @NAME@ in the pkg-config file. Paths below PREFIX are written relative to it.
below_prefix = $(subst ^:,,$(subst ^:$(PREFIX)/,$${prefix}/,^:$(1)))
substitute = -e $(call quote,s|@$(1)@|$(subst |,\|,$(subst &,\&,$(subst \,\\,$(2))))|)

# After an installation without DESTDIR, the dynamic linker must find the library, and pkg-config its file. A text is in a
# variable because a comma would end the argument.
not_root := Not root: as root, run ldconfig; or set LD_LIBRARY_PATH=$(LIBDIR) for the programs.
not_searched := $(LIBDIR) is not searched by the dynamic linker: add it to /etc/ld.so.conf.d, then run ldconfig; or set \
    LD_LIBRARY_PATH=$(LIBDIR) for the programs.
not_known := pkg-config does not search $(LIBDIR)/pkgconfig: set PKG_CONFIG_PATH=$(LIBDIR)/pkgconfig to compile.
ifeq ($(DESTDIR),)
register = @if [ "$$(id -u)" = 0 ]; then PATH="$$PATH:/sbin:/usr/sbin" $(LDCONFIG); else \
    printf '%s\n' $(call quote,$(not_root)); fi
register_note = @[ "$$(id -u)" != 0 ] || PATH="$$PATH:/sbin:/usr/sbin" $(LDCONFIG) -p | grep -q $(SONAME) || \
    printf '%s\n' $(call quote,$(not_searched))
compile_note = @! command -v pkg-config >/dev/null || pkg-config --exists cnproc || printf '%s\n' $(call quote,$(not_known))
endif

# Builds only what is missing or older than the sources: root needs no cargo to install what another user built.
$(OUT)/built: $(SOURCES) $(MAP) Makefile
	$(Q)$(MAKE) --no-print-directory lib

install: $(OUT)/built  ## the C library, header and manual; PREFIX, DESTDIR, LIBDIR and so on; DEBUGINFO=1, STRIP=
	$(Q)install -d $(call at,$(LIBDIR)/pkgconfig) $(call at,$(INCLUDEDIR)) $(call at,$(MANDIR)/man3) \
	    $(call at,$(MANDIR)/man7) $(call at,$(DOCDIR)/examples)
	$(Q)install -m 755 $(OUT)/$(SHARED) $(call at,$(LIBDIR)/$(SHARED))
	$(Q)install -m 644 $(OUT)/libcnproc.a $(call at,$(LIBDIR)/libcnproc.a)
ifneq ($(STRIP),)
	$(Q)$(STRIP) --strip-unneeded $(call at,$(LIBDIR)/$(SHARED))
	$(Q)$(STRIP) --strip-debug $(call at,$(LIBDIR)/libcnproc.a)
endif
ifeq ($(DEBUGINFO),1)
	$(Q)install -d $(call at,$(LIBDIR)/.debug)
	$(Q)$(OBJCOPY) --only-keep-debug $(OUT)/$(SHARED) $(call at,$(LIBDIR)/.debug/$(SHARED).debug)
	$(Q)chmod 644 $(call at,$(LIBDIR)/.debug/$(SHARED).debug)
	$(Q)$(OBJCOPY) --remove-section=.gnu_debuglink --add-gnu-debuglink=$(call at,$(LIBDIR)/.debug/$(SHARED).debug) \
	    $(call at,$(LIBDIR)/$(SHARED))
endif
	$(Q)ln -sf $(SHARED) $(call at,$(LIBDIR)/$(SONAME))
	$(Q)ln -sf $(SONAME) $(call at,$(LIBDIR)/libcnproc.so)
	$(Q)sed $(call substitute,PREFIX,$(PREFIX)) $(call substitute,LIBDIR,$(call below_prefix,$(LIBDIR))) \
	    $(call substitute,INCLUDEDIR,$(call below_prefix,$(INCLUDEDIR))) $(call substitute,URL,$(URL)) \
	    $(call substitute,VERSION,$(VERSION)) cnproc-ffi/libcnproc.pc.in >$(call at,$(LIBDIR)/pkgconfig/cnproc.pc)
	$(Q)install -m 644 include/cnproc.h $(call at,$(INCLUDEDIR)/cnproc.h)
	$(Q)install -m 644 cnproc-ffi/man/cnproc.7 $(call at,$(MANDIR)/man7/cnproc.7)
	$(Q)install -m 644 $(PAGES) $(call at,$(MANDIR)/man3)
	$(Q)$(foreach page,$(PAGES),$(foreach name,$(call links,$(page)), \
	    ln -sf $(notdir $(page)) $(call at,$(MANDIR)/man3/$(name).3) &&)) true
	$(Q)install -m 644 $(DOCUMENTS) $(call at,$(DOCDIR))
	$(Q)install -m 644 $(EXAMPLES) $(call at,$(DOCDIR)/examples)
	$(register)
	$(register_note)
	$(compile_note)

# Each file by its name, and directories only if nothing else is in them.
uninstall:  ## the files that make install wrote, with the same PREFIX, DESTDIR and so on
	$(Q)rm -f $(foreach file,$(SHARED) $(SONAME) libcnproc.so libcnproc.a pkgconfig/cnproc.pc .debug/$(SHARED).debug, \
	    $(call at,$(LIBDIR)/$(file)))
	$(Q)rm -f $(call at,$(INCLUDEDIR)/cnproc.h) $(call at,$(MANDIR)/man7/cnproc.7)
	$(Q)rm -f $(foreach page,$(PAGES),$(foreach name,$(basename $(notdir $(page))) $(call links,$(page)), \
	    $(call at,$(MANDIR)/man3/$(name).3)))
	$(Q)rm -f $(foreach file,$(DOCUMENTS) $(EXAMPLES:cnproc-ffi/%=%),$(call at,$(DOCDIR)/$(file)))
	$(Q)for directory in $(call at,$(DOCDIR)/examples) $(call at,$(DOCDIR)) $(call at,$(LIBDIR)/.debug); do \
	    [ ! -d "$$directory" ] || rmdir --ignore-fail-on-non-empty "$$directory"; \
	done
	$(register)

dist:  ## the release tarball, with the crates that the C library needs: builds without a network
	packaging/dist.sh

clean:  ## remove everything that was built
	$(CARGO) clean
