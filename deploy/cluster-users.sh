#!/bin/sh
# Takes the well-known first passwords off a new KurrentDB cluster and makes the user that Troth's nodes log in as. May run again: what is
# done stays done.
#
# usage: cluster-users.sh <https address of a node> <certificate of the authority>
# Passwords are read from /run/secrets and reach curl by a file, never by the command line, which other processes can see.
set -eu
umask 077
address=$1
authority=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
admin=$(cat /run/secrets/kurrentdb_admin_password)
operator=$(cat /run/secrets/kurrentdb_ops_password)
troth=$(cat /run/secrets/kurrentdb_troth_password)

# ask <user> <password> <method> <path> [body]: prints the status
ask() {
  printf 'user = "%s:%s"\n' "$1" "$2" > "$work/login"
  printf '%s' "${5:-}" > "$work/body"
  curl --silent --location --max-time 5 --cacert "$authority" --config "$work/login" --request "$3" \
    --header 'content-type: application/json' --data "@$work/body" --output /dev/null --write-out '%{http_code}' "$address$4" || true
}

# set_password <user> <password>: from the first one, unless it is set already
set_password() {
  [ "$(ask "$1" "$2" GET "/users/\$current")" = 200 ] && return
  [ "$(ask "$1" changeit POST "/users/$1/command/change-password" "{\"currentPassword\":\"changeit\",\"newPassword\":\"$2\"}")" = 200 ]
}

# A new cluster makes its users a moment after it has a leader.
attempts=60
until set_password admin "$admin" && set_password ops "$operator"; do
  attempts=$((attempts - 1))
  [ "$attempts" -gt 0 ] || { echo "the cluster's users could not be given their passwords" >&2; exit 1; }
  sleep 1
done

# Reading the whole log is for admins where nobody changed the cluster's access lists; docs/cluster.md says how to narrow it.
[ "$(ask troth "$troth" GET "/users/\$current")" = 200 ] && exit 0
status=$(ask admin "$admin" POST /users "{\"loginName\":\"troth\",\"fullName\":\"Troth\",\"groups\":[\"\$admins\"],\"password\":\"$troth\"}")
[ "$status" = 201 ] || { echo "the user troth could not be made: status $status" >&2; exit 1; }
