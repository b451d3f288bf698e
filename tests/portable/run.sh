#!/usr/bin/env bash
# run.sh DIRECTORY [RUNNER...]: the C tests that need no root, network, connector or git, linked statically and dynamically
# with the library in DIRECTORY, compiled by CC, run by RUNNER (an emulator) if there is one. Prints a line for each.
set -euo pipefail
library=$(cd "$1" && pwd)
shift
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
cc=${CC:-cc}
programs=$library/portable
mkdir -p "$programs"
passed=0 skipped=0

for source in tests/c/header.c tests/c/arguments.c tests/c/hostile.c tests/portable/golden.c; do
    name=$(basename "$source" .c)
    arguments=()
    [ "$name" != golden ] || arguments=(tests/golden/*.txt)
    for linked in static shared; do
        how=("$library/libcnproc.a" -static)
        [ $linked = static ] || how=("$library/libcnproc.so" "-Wl,-rpath,$library")
        # shellcheck disable=SC2086 # compilers and flags are words
        $cc -std=c99 -D_GNU_SOURCE ${CPPFLAGS:-} ${CFLAGS:--O2} ${LDFLAGS:-} -Wall -Wextra -Werror -Iinclude -Itests/c \
            "$source" "${how[@]}" -o "$programs/$name-$linked"
        status=0
        "$@" "$programs/$name-$linked" "${arguments[@]}" 2>"$programs/log" || status=$?
        case $status in
        0) passed=$((passed + 1)) && echo "ok      $name, $linked" ;;
        77) skipped=$((skipped + 1)) && echo "skipped $name, $linked: what needs a listener: $(cat "$programs/log")" ;;
        *) cat "$programs/log" >&2 && echo "FAILED  $name, $linked: exit status $status" && exit 1 ;;
        esac
    done
done
echo "$passed passed, 0 failed, $skipped skipped"
