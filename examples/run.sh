#!/usr/bin/env bash
# Serves examples/tribunal.toml with a release build, feeds it the sample, and says what to look at next.
set -euo pipefail
cd "$(dirname "$0")/.."
source examples/await.sh

demo=target/demo
pid_file=$demo/tribunal.pid
url=http://127.0.0.1:8700
mkdir -p "$demo"

is_running() {
  [ -f "$pid_file" ] && kill -0 "$(cat "$pid_file")" 2>/dev/null
}

stop() {
  is_running || return 0
  kill "$(cat "$pid_file")"
  while is_running; do sleep 0.1; done
  rm -f "$pid_file"
}

if [ "${1:-}" = stop ]; then
  stop
  echo "stopped"
  exit
fi

echo "building the host (the first time some minutes)"
cargo build --release --package tribunal
tribunal=target/release/tribunal
stop
"$tribunal" serve --config examples/tribunal.toml >"$demo/tribunal.log" 2>&1 </dev/null &
echo $! >"$pid_file"

# The first start configures and compiles the plugins; later ones find them in the cache.
echo "loading the plugins"
await "$(cat "$pid_file")" "$url/readyz" "$demo/tribunal.log"

"$tribunal" import --config examples/tribunal.toml examples/interactions.jsonl

cat <<END

Tribunal runs at $url (log: $demo/tribunal.log; make stop ends it). Look at:

  curl '$url/v1/plugins'
  curl '$url/v1/interactions?plugin=refusal&verdict=refusal_kind&label=full&limit=5'
  curl '$url/v1/verdicts?plugin=pricing&min_value=0.01&limit=5'
  curl '$url/v1/verdicts?plugin=answer-errors&min_severity=medium&limit=5'
  curl '$url/openapi.json'
END
