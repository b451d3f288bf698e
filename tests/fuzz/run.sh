#!/usr/bin/env bash
# run.sh SECONDS [TARGET...]: fuzzes every target, or those named, for that long, beginning with the golden
# datagrams. It takes cargo-fuzz and a nightly toolchain; SANITIZER=none is quicker, and sees less.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
seconds=${1:?how many seconds for each target}
shift
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(parse c_api sequence track)

cargo +nightly --version >/dev/null 2>&1 || {
    echo "fuzz: there is no nightly toolchain: rustup toolchain install nightly" >&2
    exit 1
}
cargo fuzz --version >/dev/null 2>&1 || {
    echo "fuzz: there is no cargo-fuzz: cargo install --locked cargo-fuzz" >&2
    exit 1
}

# A golden datagram, and the bytes of choice that a target takes from the end.
for target in "${targets[@]}"; do
    mkdir -p "corpus/$target"
    for golden in ../golden/*.txt; do
        bytes=$(sed -n 's/^bytes / /p' "$golden" | tr -d '\n' | sed 's/ /\\x/g')
        printf "$bytes"'\xc7\x03\x00\xc0' >"corpus/$target/$(basename "$golden" .txt)"
    done
done

# A run of the model takes more decisions than a datagram has bytes.
declare -A lengths=([track]=2048)

sum=0
for target in "${targets[@]}"; do
    echo "fuzz: $target"
    log=$(mktemp)
    cargo +nightly fuzz run --fuzz-dir . --sanitizer "${SANITIZER:-address}" "$target" -- \
        -max_total_time="$seconds" -max_len="${lengths[$target]:-512}" -print_final_stats=1 \
        -verbosity=0 2>"$log" || {
        cat "$log" >&2
        echo "fuzz: $target failed; the input is in tests/fuzz/artifacts/$target" >&2
        exit 1
    }
    count=$(sed -n 's/^stat::number_of_executed_units: //p' "$log")
    [ "${count:-0}" -gt 1000 ] || { cat "$log" >&2; echo "fuzz: $target: hardly ran" >&2; exit 1; }
    echo "fuzz: $target: $count executions"
    sum=$((sum + count))
    rm "$log"
done
echo "fuzz: $sum executions, all of them passed"
