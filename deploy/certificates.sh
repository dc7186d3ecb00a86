#!/bin/sh
# A certificate authority of this cluster's own, and a certificate signed by it for each service. Does nothing for what is there.
#
# usage: certificates.sh <folder for the authority's key> <folder for certificates>
# Whoever holds the authority's key can pass for any service, so no service but the one that runs this mounts its folder.
# Certificates run out after 825 days: remove the folders of the services, run this again and restart them one by one.
set -eu
umask 077
authority=$1
certificates=$2
days=825

new_key() { openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$1" 2>/dev/null; }

if [ ! -s "$certificates/ca/ca.crt" ]; then
  mkdir -p "$certificates/ca"
  new_key "$authority/ca.key"
  openssl req -x509 -new -sha256 -days 3650 -key "$authority/ca.key" -subj "/O=Troth cluster/CN=Troth cluster authority" \
    -addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign,cRLSign -out "$certificates/ca/ca.crt"
fi

# issue <service> <owner's user id> <common name>
issue() {
  folder=$certificates/$1
  [ -s "$folder/node.crt" ] && return
  mkdir -p "$folder"
  new_key "$folder/node.key"
  openssl req -new -sha256 -key "$folder/node.key" -subj "/CN=$3" -out "$folder/node.csr"
  cat > "$folder/extensions" <<EXTENSIONS
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature,keyEncipherment
extendedKeyUsage=serverAuth,clientAuth
subjectAltName=DNS:$1,DNS:localhost,IP:127.0.0.1
EXTENSIONS
  openssl x509 -req -sha256 -days "$days" -in "$folder/node.csr" -CA "$certificates/ca/ca.crt" -CAkey "$authority/ca.key" \
    -set_serial "0x$(openssl rand -hex 16)" -extfile "$folder/extensions" -out "$folder/.node.crt" 2>/dev/null
  # HAProxy wants both in one file.
  cat "$folder/.node.crt" "$folder/node.key" > "$folder/node.pem"
  rm "$folder/node.csr" "$folder/extensions"
  chown -R "$2" "$folder"
  chmod 0755 "$folder"
  mv "$folder/.node.crt" "$folder/node.crt"
}

# Nodes of a KurrentDB cluster know each other by their common name, which is this one unless they are told another.
for node in kurrentdb-1 kurrentdb-2 kurrentdb-3; do issue "$node" "${KURRENTDB_UID:-1000}" eventstoredb-node; done
issue vault "${POSTGRES_UID:-999}" vault
issue proxy "${PROXY_UID:-99}" localhost

chmod 0755 "$certificates" "$certificates/ca"
chmod 0644 "$certificates/ca/ca.crt"
