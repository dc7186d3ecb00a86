#!/bin/sh
# Random passwords for docker-compose.yml, and the connection strings that hold them. Overwrites nothing.
#
# usage: deploy/make-secrets.sh [folder]   (./secrets where absent)
# The folder is closed to others; the files in it are readable, because each service reads its own under a user id of its own.
set -eu
folder=${1:-secrets}
[ -e "$folder" ] && { echo "$folder is there already; nothing was made" >&2; exit 1; }
umask 077
mkdir "$folder"
random() { openssl rand -hex 24; }
keep() { printf '%s' "$2" > "$folder/$1" && chmod 0444 "$folder/$1"; }

troth=$(random)
vault=$(random)
keep kurrentdb_admin_password "$(random)"
keep kurrentdb_ops_password "$(random)"
keep kurrentdb_troth_password "$troth"
keep vault_password "$vault"
nodes=kurrentdb-1:2113,kurrentdb-2:2113,kurrentdb-3:2113
keep kurrentdb_url "kurrentdb://troth:$troth@$nodes?tls=true&tlsCaFile=/certificates/ca/ca.crt&nodePreference=leader"
keep vault_url "postgresql://troth:$vault@vault:5432/troth?sslmode=verify-full&sslrootcert=/certificates/ca/ca.crt"
