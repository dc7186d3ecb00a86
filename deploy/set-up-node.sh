#!/bin/sh
# Makes the folders of one node, in the volumes at /data and /keys. Does nothing for what is there, so it may run at every start.
#
# The first node makes the ledger and the keys. The others are given the keys of the first, at /first-keys: every node signs with the
# same key of the log and unwraps with the same key-encryption key.
set -eu
umask 077

if [ -d /first-keys ]; then
  for name in kek.bin log.key; do
    [ -e "/keys/$name" ] || { cp "/first-keys/$name" "/keys/.$name" && mv "/keys/.$name" "/keys/$name"; }
  done
fi
[ -e /data/cluster.json ] && exit 0
# A new ledger's admin key is shown this once: the file is for whoever set the cluster up to read, and then to remove.
node /app/src/troth.js init --cluster --name "$LEDGER_NAME" --json > /data/set-up.json
