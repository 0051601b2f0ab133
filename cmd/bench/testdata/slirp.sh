#!/bin/sh
# Runs a command in a network of slirp4netns's, as pasta does by itself.
set -eu
dir=$(mktemp -d)
trap 'kill "$helper" 2>/dev/null; rm -rf "$dir"' EXIT
mkfifo "$dir/pid" "$dir/ready"
unshare -Urn sh -c 'echo $$ >"$0/pid"; read -r _ <"$0/ready"; exec "$@"' "$dir" "$@" &
command=$!
read -r pid <"$dir/pid"
slirp4netns --configure --mtu=65520 --ready-fd=3 "$pid" tap0 3>"$dir/ready" >/dev/null 2>&1 &
helper=$!
wait "$command"
