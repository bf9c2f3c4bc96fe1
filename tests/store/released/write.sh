#!/bin/sh
# Writes the store of the version that PYTHON runs into NAME.tar.gz: `write.sh PYTHON NAME`. Done once for each release.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
rm -rf /tmp/released && mkdir -m 755 /tmp/released && cd /tmp/released
python3 "$here/small_world.py" .
mkdir -m 700 home && printf 'a key of a test, known to everyone' | head -c 32 > home/secret.key && chmod 600 home/secret.key
"$1" -m stillwatch sweep /tmp/released/log.jsonl --accounts accounts.jsonl --releases releases.csv --home home > /dev/null
"$1" -m stillwatch decide --home home > /dev/null
rm -f home/lock home/findings.lock home/*.sqlite-wal home/*.sqlite-shm
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=2026-06-01 -czf "$here/$2.tar.gz" home
