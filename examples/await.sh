# What the scripts beside this one share.

# Until the process answers at the URL, for two minutes at most.
await() {
  local pid=$1 url=$2 log=$3
  for _ in $(seq 600); do
    kill -0 "$pid" 2>/dev/null || { echo "it stopped; its log, $log, ends with:"; tail -n 20 "$log"; exit 1; }
    curl --silent --fail --output /dev/null "$url" && return
    sleep 0.2
  done
  echo "$url does not answer after 2 minutes; see $log"
  exit 1
}
