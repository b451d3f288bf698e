#!/usr/bin/env bash
# Builds, installs and uninstalls the C library as users and packagers do, in directories whose names are hostile to
# shell scripts. Needs make, a C compiler, pkg-config, cargo and what cargo has downloaded before; no root, no
# network, no connector. Prints a line for each test and fails unless all passed.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Part of the name of every place that the library is installed to. Make itself expands a dollar sign in its variables;
# the checkout's path is in none.
hostile="it's a \"quoted\" & |dir\\"
copy="$work/$hostile \$HOME checkout"
passed=0 failed=0

# Compiler flags of the environment are a packager's; the tests set their own. MAKEFLAGS come from an outer make.
unset CPPFLAGS CFLAGS LDFLAGS MAKEFLAGS MFLAGS DESTDIR PREFIX LIBDIR CARGO_TARGET_DIR CARGO_BUILD_TARGET V

make_in_copy() { make --no-print-directory --silent -C "$copy" "$@"; }
installed() { make_in_copy install CARGO=/bin/false LDCONFIG=/bin/false PREFIX=/opt/cnproc "$@"; }
fail() { printf '    %s\n' "$*" >&2; return 1; }
# The files below a directory, and below another the same.
files_in() { (cd "$1" && find . ! -type d | LC_ALL=C sort); }
same_files() {
    local first second
    first=$(files_in "$1") second=$(files_in "$2")
    diff <(echo "$first") <(echo "$second")
}
no_files() {
    local left
    left=$(files_in "$1")
    [ -z "$left" ] || fail "left: $left"
}
# As grep -q, but reads all of its input: the command before it must not die of SIGPIPE.
matches() { grep "$@" >/dev/null; }

run() {
    # A subshell, in which set -e holds because no condition surrounds it.
    set +e
    (set -e; "$1") >"$work/log" 2>&1
    local status=$?
    set -e
    if [ $status -eq 0 ]; then
        passed=$((passed + 1))
        echo "ok     $1"
    else
        failed=$((failed + 1))
        echo "FAILED $1"
        sed 's/^/    /' "$work/log"
    fi
}

build_in_directory_with_hostile_name_succeeds() {
    make_in_copy all
    [ -x "$copy/target/c/proc_events" ] && [ -e "$copy/target/c/libcnproc.so" ] && [ -e "$copy/target/c/libcnproc.a" ]
}

install_without_cargo_succeeds_after_build() {
    installed DESTDIR="$work/plain"
    [ -e "$work/plain/opt/cnproc/lib/libcnproc.so.0" ]
}

# In the same directory: in another, the compiler may emit instances of generic functions in another order.
build_from_scratch_gives_the_same_library() {
    make_in_copy clean
    make_in_copy all
    installed DESTDIR="$work/again"
    cmp "$work/again/opt/cnproc/lib/libcnproc.so.0" "$work/plain/opt/cnproc/lib/libcnproc.so.0"
}

install_rebuilds_when_a_source_is_newer() {
    touch -d '+1 minute' "$copy/cnproc-ffi/src/lib.rs"
    ! installed DESTDIR="$work/stale" || fail 'it installed an outdated library without a word'
    touch -d '-1 hour' "$copy/cnproc-ffi/src/lib.rs"
}

install_into_hostile_directories_writes_the_same_files() {
    installed DESTDIR="$work/dest $hostile"
    same_files "$work/plain" "$work/dest $hostile"
    installed DESTDIR="$work/dest2" PREFIX="/opt/$hostile"
    same_files "$work/plain/opt/cnproc" "$work/dest2/opt/$hostile"
}

uninstall_removes_all_that_install_wrote() {
    make_in_copy uninstall PREFIX=/opt/cnproc DESTDIR="$work/dest $hostile"
    no_files "$work/dest $hostile"
    [ ! -e "$work/dest $hostile/opt/cnproc/share/doc/cnproc" ]
}

uninstall_keeps_files_that_install_did_not_write() {
    installed DESTDIR="$work/kept"
    touch "$work/kept/opt/cnproc/share/doc/cnproc/notes" "$work/kept/opt/cnproc/lib/libother.so"
    make_in_copy uninstall PREFIX=/opt/cnproc DESTDIR="$work/kept"
    [ "$(files_in "$work/kept" | tr '\n' ' ')" = './opt/cnproc/lib/libother.so ./opt/cnproc/share/doc/cnproc/notes ' ]
}

uninstall_with_space_in_destdir_keeps_other_directories() {
    mkdir "$work/afile"
    touch "$work/afile/precious"
    make_in_copy uninstall PREFIX=/opt/cnproc DESTDIR="$work/afile 2"
    [ -e "$work/afile/precious" ]
}

pkg_config_file_compiles_a_program_from_hostile_prefix() {
    local prefix="$work/it's a prefix"
    installed LDCONFIG=true PREFIX="$prefix" >/dev/null
    # What a build system does with pkg-config's output: the shell splits it into words.
    (
        cd "$work"
        export PKG_CONFIG_LIBDIR="$prefix/lib/pkgconfig"
        printf '#include <cnproc.h>\nint main(void) { return cnproc_version() != CNPROC_VERSION; }\n' >program.c
        eval "cc program.c -o program $(pkg-config --cflags --libs cnproc)"
        LD_LIBRARY_PATH="$prefix/lib" ./program
        eval "cc -static program.c -o program $(pkg-config --static --cflags --libs cnproc)"
        ./program
    )
}

paths_below_the_prefix_are_relative_in_the_pkg_config_file() {
    installed DESTDIR="$work/multiarch" LIBDIR=/opt/cnproc/lib/multiarch INCLUDEDIR=/usr/include
    local file="$work/multiarch/opt/cnproc/lib/multiarch/pkgconfig/cnproc.pc"
    # shellcheck disable=SC2016 # pkg-config expands it
    matches -xF 'libdir=${prefix}/lib/multiarch' "$file"
    matches -xF 'includedir=/usr/include' "$file"
}

installed_library_is_stripped() {
    local lib=$work/plain/opt/cnproc/lib
    ! readelf -SW "$lib/libcnproc.so.0" | grep -E '\.(debug_|symtab)' || fail 'the shared library has symbols'
    ! readelf -SW "$lib/libcnproc.a" | grep '\.debug_' || fail 'the static library has debug information'
    ! matches -F "$work" "$lib/libcnproc.so.0" || fail 'it contains the path of the build'
}

empty_strip_keeps_line_numbers() {
    installed DESTDIR="$work/unstripped" STRIP=
    objdump -WL "$work/unstripped/opt/cnproc/lib/libcnproc.so.0" 2>/dev/null | matches 'handle\.rs'
}

debuginfo_installs_a_file_that_debuggers_find() {
    installed DESTDIR="$work/debug" DEBUGINFO=1
    local lib=$work/debug/opt/cnproc/lib file
    file=$(echo "$lib"/.debug/libcnproc.so.*.debug)
    readelf --string-dump=.gnu_debuglink "$lib/libcnproc.so.0" | matches -F "$(basename "$file")"
    objdump -WL "$file" 2>/dev/null | matches 'handle\.rs'
    ! readelf -SW "$lib/libcnproc.so.0" | grep -E '\.debug_' || fail 'the shared library has it, too'
    # The same build, by its build-id.
    diff <(readelf -n "$lib/libcnproc.so.0" | grep 'Build ID') <(readelf -n "$file" | grep 'Build ID')
    make_in_copy uninstall PREFIX=/opt/cnproc DESTDIR="$work/debug"
    no_files "$work/debug"
    [ ! -e "$lib/.debug" ]
}

install_updates_the_linker_cache_or_says_who_must() {
    local prefix="$work/live" output
    printf '#!/bin/sh\necho "ldconfig $*" >>"%s"\n' "$work/ldconfig.log" >"$work/ldconfig"
    chmod +x "$work/ldconfig"
    output=$(installed LDCONFIG="$work/ldconfig" PREFIX="$prefix")
    if [ "$(id -u)" -eq 0 ]; then
        matches -x 'ldconfig ' "$work/ldconfig.log"
        # The directory is in no configuration of the dynamic linker.
        [[ $output == *"$prefix/lib is not searched by the dynamic linker: add it to /etc/ld.so.conf.d, then run ldconfig; or "* ]]
    else
        [[ $output == *"as root, run ldconfig; or set LD_LIBRARY_PATH=$prefix/lib for the programs."* ]]
    fi
    [[ $output == *"set PKG_CONFIG_PATH=$prefix/lib/pkgconfig to compile."* ]]
    # Staged: the machine that installs the package does that.
    rm -f "$work/ldconfig.log"
    installed LDCONFIG="$work/ldconfig" DESTDIR="$work/staged"
    [ ! -e "$work/ldconfig.log" ]
}

build_with_target_in_cargo_configuration_finds_the_archive() {
    mkdir "$copy/.cargo"
    printf '[build]\ntarget = "%s"\n' "$(rustc -vV | sed -n 's/^host: //p')" >"$copy/.cargo/config.toml"
    rm -f "$copy/target/c/cargo/libcnproc.a" "$copy/target/c/libcnproc.a"
    make_in_copy lib
    rm -r "$copy/.cargo"
}

# Tools that succeed and leave everything out, as some did.
empty_library_fails_the_build() {
    local output
    cc -xc -c /dev/null -o "$work/empty.o"
    cat >"$work/ar" <<'EOF'
#!/bin/sh
[ "$1" = rcsD ] || exec ar "$@"
exec ar rcsD "$2" "$(dirname "$0")/empty.o"
EOF
    chmod +x "$work/ar"
    rm -f "$copy/target/c/libcnproc.a"
    if output=$(make_in_copy lib AR="$work/ar" 2>&1); then fail 'the build succeeded'; fi
    [[ $output == *' was left out (CC='* ]] || fail "$output"
    [ ! -e "$copy/target/c/libcnproc.a" ] || fail 'the empty library was kept'
    make_in_copy lib

    cat >"$work/cc" <<'EOF'
#!/bin/sh
case " $* " in *' -shared '*) ;; *) exec cc "$@" ;; esac
while [ "$1" != -o ]; do shift; done
exec cc -shared -nostdlib -o "$2" "$(dirname "$0")/empty.o"
EOF
    chmod +x "$work/cc"
    rm -f "$copy/target/c/libcnproc.so"*
    if output=$(make_in_copy lib CC="$work/cc" 2>&1); then fail 'the build succeeded'; fi
    [[ $output == *' was left out (CC='* ]] || fail "$output"
    [ ! -e "$copy/target/c/libcnproc.so" ] || fail 'the empty library was kept'
    make_in_copy lib
}

flags_reach_every_call_of_the_compiler() {
    printf '#!/bin/sh\necho "$*" >>"%s"\nexec cc "$@"\n' "$work/cc.log" >"$work/cc"
    chmod +x "$work/cc"
    rm -f "$copy/target/c/proc_events" "$copy/target/c/libcnproc.so"
    make_in_copy all CC="$work/cc" CPPFLAGS=-DCPP_MARK CFLAGS=-DC_MARK LDFLAGS=-Wl,--defsym=ld_mark=0
    local call calls=0
    while read -r call; do
        case $call in
        -print-prog-name=*) continue ;;
        *' -shared '*) ;;
        *) [[ $call == *-DCPP_MARK* ]] || fail "no CPPFLAGS: $call" ;;
        esac
        [[ $call == *-DC_MARK* ]] || fail "no CFLAGS: $call"
        [[ $call == *-Wl,--defsym=ld_mark=0* ]] || fail "no LDFLAGS: $call"
        calls=$((calls + 1))
    done <"$work/cc.log"
    [ "$calls" -eq 3 ] || fail "$calls calls"
    rm "$copy/target/c/proc_events" "$copy/target/c/libcnproc.so"
    make_in_copy all
}

verbose_build_prints_each_command() {
    rm -f "$copy/target/c/proc_events" "$copy/target/c/libcnproc.a"
    make --no-print-directory -C "$copy" all V=1 >"$work/verbose" 2>/dev/null
    for command in 'cargo rustc' 'ar rcsD' 'cc .* -shared ' 'cc -std=c99 .*proc_events'; do
        matches -- "$command" "$work/verbose" || fail "$command is not printed"
    done
    rm -f "$copy/target/c/proc_events" "$copy/target/c/libcnproc.a"
    [ -z "$(make --no-print-directory -C "$copy" all 2>&1)" ] || fail 'without V=1 something is printed'
}

libraries_and_programs_are_hardened() {
    local file
    for file in libcnproc.so proc_events; do
        file=$copy/target/c/$file
        readelf -lW "$file" | matches GNU_RELRO || fail "$file: no RELRO"
        readelf -dW "$file" | matches -E 'BIND_NOW|FLAGS.*NOW' || fail "$file: lazy binding"
        readelf -lW "$file" | grep GNU_STACK | matches 'RW ' || fail "$file: executable stack"
        ! readelf -dW "$file" | grep TEXTREL || fail "$file: relocated code"
        ! readelf -lW "$file" | matches 'LOAD.*RWE' || fail "$file: writable code"
        readelf -n "$file" | matches 'Build ID' || [ "$(basename "$file")" = proc_events ] || fail "$file: no build-id"
    done
    readelf -hW "$copy/target/c/proc_events" | matches 'Type: *DYN' || fail 'proc_events: not position-independent'
    readelf -W --dyn-syms "$copy/target/c/proc_events" | matches __stack_chk_fail || fail 'no stack protector'
    readelf -W --dyn-syms "$copy/target/c/proc_events" | matches '_chk@' || fail 'not fortified'
}

every_manifest_has_the_same_version() {
    local version
    version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
    [ -n "$version" ]
    matches -x "version = \"$version\"" "$root/cnproc-ffi/cdylib/Cargo.toml"
    matches -x "version = \"$version\"" "$root/bindings/python/pyproject.toml"
    matches -xE "Version: +$version" "$root/packaging/fedora/cnproc.spec"
    matches -x "pkgver=$version" "$root/packaging/alpine/APKBUILD"
    matches -F "cnproc ($version-" "$root/debian/changelog"
    ! sed -n '/^name = "cnproc-/{n;p}' "$root/Cargo.lock" "$root/cnproc-ffi/cdylib/Cargo.lock" |
        grep -vxF -e "version = \"$version\"" -e 'version = "0.0.0"' || fail 'another in a Cargo.lock'
}

what_ships_is_the_same_with_every_awk() {
    local awk awks=0
    mkdir "$work/awk"
    for awk in mawk gawk original-awk 'busybox awk'; do
        command -v "${awk%% *}" >/dev/null || continue
        printf '#!/bin/sh\nexec %s "$@"\n' "$awk" >"$work/awk/awk"
        chmod +x "$work/awk/awk"
        PATH="$work/awk:$PATH" "$root/packaging/shipped.sh" "$work/shipped.$awk"
        ! matches '^proptest' "$work/shipped.$awk"/cnproc-*/Cargo.toml || fail "$awk leaves a test's crate in"
        # busybox ends a file with one more line, which is empty.
        [ "$awks" -eq 0 ] || diff -rB "$work/shipped" "$work/shipped.$awk"
        rm -rf "$work/shipped"
        mv "$work/shipped.$awk" "$work/shipped"
        awks=$((awks + 1))
    done
    [ "$awks" -gt 0 ]
}

mkdir "$copy"
tar -C "$root" --exclude=./target --exclude=./.git --exclude=./bench --exclude=./vendor -c . | tar -C "$copy" -x

run build_in_directory_with_hostile_name_succeeds
[ "$failed" -eq 0 ] || { echo '0 passed, 1 failed'; exit 1; }
run install_without_cargo_succeeds_after_build
run build_from_scratch_gives_the_same_library
run install_rebuilds_when_a_source_is_newer
run install_into_hostile_directories_writes_the_same_files
run uninstall_removes_all_that_install_wrote
run uninstall_keeps_files_that_install_did_not_write
run uninstall_with_space_in_destdir_keeps_other_directories
run pkg_config_file_compiles_a_program_from_hostile_prefix
run paths_below_the_prefix_are_relative_in_the_pkg_config_file
run installed_library_is_stripped
run empty_strip_keeps_line_numbers
run debuginfo_installs_a_file_that_debuggers_find
run install_updates_the_linker_cache_or_says_who_must
run build_with_target_in_cargo_configuration_finds_the_archive
run empty_library_fails_the_build
run flags_reach_every_call_of_the_compiler
run verbose_build_prints_each_command
run libraries_and_programs_are_hardened
run every_manifest_has_the_same_version
run what_ships_is_the_same_with_every_awk

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
