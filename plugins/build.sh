#!/usr/bin/env bash
# Builds every plugin and every test guest into target/plugins/ at the root of the repository.
#
# A toolchain for WebAssembly is found by itself: the targets of the Rust at hand, else rustup's, else Debian's packages.
# TRIBUNAL_GUEST_TOOLCHAIN=rustup or =debian takes that way and no other.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
out=$root/target/plugins
guests_build=$root/target/guests-build
tools=$root/target/guest-tools
readonly root out guests_build tools
readonly zig_version=0.17.1
readonly debian_packages=(rustc-web cargo-web rust-web-src lld-19)

say() { printf 'plugins/build.sh: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# What each build is called, from which folder, for which target, with which arguments; the file that cargo writes.
builds() {
    cat <<'LIST'
refusal.wasm plugins wasm32-unknown-unknown refusal.wasm -p refusal
bias.wasm plugins wasm32-unknown-unknown bias.wasm -p bias
pricing.wasm plugins wasm32-unknown-unknown pricing.wasm -p pricing
judge.wasm plugins wasm32-unknown-unknown judge.wasm -p judge
faithfulness.wasm plugins wasm32-unknown-unknown faithfulness.wasm -p faithfulness
relevance.wasm plugins wasm32-unknown-unknown relevance.wasm -p relevance
answer-errors-fast.wasm plugins wasm32-unknown-unknown answer_errors.wasm -p answer-errors --no-default-features
answer-errors.wasm plugins wasm32-wasip1 answer_errors.wasm -p answer-errors
LIST
    local manifest name target
    for manifest in "$root"/tests/guests/*/Cargo.toml; do
        [[ -e $manifest ]] || continue
        name=$(basename "$(dirname "$manifest")")
        target=wasm32-unknown-unknown
        [[ $name == *-wasi ]] && target=wasm32-wasip1
        echo "guests/$name.wasm tests/guests $target ${name//-/_}.wasm -p $name"
    done
}

has_target() { # TARGET
    command -v rustc >/dev/null && [[ -d $(rustc --print target-libdir --target "$1" 2>/dev/null) ]]
}

# Whether rustc has the targets, after asking rustup for those that are missing.
rustup_has_targets() {
    local target
    for target in wasm32-unknown-unknown wasm32-wasip1; do
        has_target "$target" && continue
        command -v rustup >/dev/null || return 1
        say "installing rustup's target $target"
        rustup target add "$target" >/dev/null 2>&1 && has_target "$target" || return 1
    done
}

debian_is_installed() {
    local package
    for package in "${debian_packages[@]}"; do
        [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || return 1
    done
}

install_debian() {
    debian_is_installed && return
    local install="apt-get install --yes --no-install-recommends ${debian_packages[*]}"
    command -v apt-get >/dev/null || die "no WebAssembly target: install one with 'rustup target add wasm32-unknown-unknown wasm32-wasip1'"
    [[ $(id -u) == 0 ]] || die "no WebAssembly target: run 'rustup target add wasm32-unknown-unknown wasm32-wasip1', or as root '$install'"
    say "installing Debian's ${debian_packages[*]}"
    { apt-get update && DEBIAN_FRONTEND=noninteractive $install; } >/dev/null || die "'$install' failed"
}

# Zig links for wasip1, since it brings a C library for it: a private copy of the package from PyPI.
install_zig() {
    local stamp=$tools/zig-$zig_version
    if [[ ! -e $stamp ]]; then
        say "installing ziglang $zig_version from PyPI into target/guest-tools"
        rm -rf "$tools/zig"
        python3 -m pip install --quiet --no-cache-dir --disable-pip-version-check --root-user-action=ignore --no-warn-script-location \
            --target "$tools/zig" "ziglang==$zig_version" || die "pip could not install ziglang; is python3-pip there?"
        touch "$stamp"
    fi
    write_if_different "$tools/wasip1-linker" <<LINKER
#!/usr/bin/env bash
# Calls zig as the linker with the arguments that rustc gives, put as zig takes them.
set -euo pipefail
arguments=()
while ((\$#)); do
    case \$1 in
        -Wl,--no-export-dynamic | -Wl,--no-demangle | -Wl,--stack-first | -shared | -nodefaultlibs | -static | --target=*) ;;
        -Wl,--export | -Wl,-z)
            joint=,
            [[ \$1 == -Wl,--export ]] && joint==
            arguments+=("\$1\$joint\${2#-Wl,}")
            shift
            ;;
        *) arguments+=("\$1") ;;
    esac
    shift
done
export PYTHONPATH=$tools/zig ZIG_GLOBAL_CACHE_DIR=$tools/zig-cache ZIG_LOCAL_CACHE_DIR=$tools/zig-cache
exec python3 -m ziglang cc -target wasm32-wasi -mexec-model=reactor "\${arguments[@]}"
LINKER
    chmod +x "$tools/wasip1-linker"
}

write_if_different() { # FILE, its text on standard input
    mkdir -p "$(dirname "$1")"
    cat >"$1.new"
    if cmp --silent "$1.new" "$1"; then rm "$1.new"; else mv "$1.new" "$1"; fi
}

choose_toolchain() {
    case ${TRIBUNAL_GUEST_TOOLCHAIN:-any} in
        rustup) rustup_has_targets || die "rustup has no WebAssembly targets and can't fetch them" ; echo rustup ;;
        debian) echo debian ;;
        any) if rustup_has_targets; then echo rustup; else echo debian; fi ;;
        *) die "TRIBUNAL_GUEST_TOOLCHAIN is rustup or debian, not '$TRIBUNAL_GUEST_TOOLCHAIN'" ;;
    esac
}

# Each way has a target folder of its own, so that going from one to the other builds nothing again.
cargo_rustup() {
    cargo build --target-dir "$guests_build" "$@"
}

# RUSTFLAGS would override what .cargo/config.toml sets for a target, so flags go in through --config, which adds.
cargo_debian() {
    RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc \
        CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=wasm-ld-19 \
        CARGO_TARGET_WASM32_WASIP1_LINKER=$tools/wasip1-linker \
        /usr/bin/cargo build --target-dir "$guests_build/debian" -Zbuild-std=std,panic_abort \
        --config 'target.wasm32-wasip1.rustflags=["-Clink-self-contained=no", "-Clinker-flavor=wasm-lld-cc", "-Zunstable-options"]' \
        "$@"
}

build() { # NAME FOLDER TARGET FILE ARGUMENTS…
    local name=$1 folder=$2 target=$3 file=$4 written=$guests_build
    shift 4
    [[ $toolchain == debian ]] && written=$guests_build/debian
    say "building $name"
    (cd "$root/$folder" && "cargo_$toolchain" --quiet --locked --release --target "$target" "$@") || die "could not build $name"
    write_if_different "$out/$name" <"$written/$target/release/$file"
}

# What the environment says of flags would take the place of what .cargo/config.toml says.
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_RUSTFLAGS CARGO_BUILD_TARGET CARGO_TARGET_DIR
# rustup goes by the folder it is called in.
cd "$root"
toolchain=$(choose_toolchain)
if [[ $toolchain == debian ]]; then
    install_debian
    install_zig
fi
while read -r name folder target file arguments; do
    read -ra arguments <<<"$arguments"
    build "$name" "$folder" "$target" "$file" "${arguments[@]}" </dev/null
done < <(builds)
