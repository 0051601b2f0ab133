#!/bin/sh
# Compiles and runs a program of several files inside sbx, in a copy of it, and
# shows what the build sees and what it does not. Takes the path of sbx.
set -eu
sbx=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)

# A home with a key in it, as a developer has one, and a project in that home.
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
mkdir -p "$home/.ssh" "$home/project" "$home/.cache"
echo 'PRIVATE KEY' >"$home/.ssh/id_ed25519"
cp -r "$here/program/." "$home/project"
cd "$home/project"

# Root, as on a bare machine, says so: see docs/limits.md.
root=
[ "$(id -u)" -ne 0 ] || root=--allow-root

echo "== A program is compiled and run inside, offline"
HOME=$home "$sbx" run $root --ro "$(go env GOROOT)" -e CGO_ENABLED=0 -e GOFLAGS=-mod=mod -e GOTOOLCHAIN=local -e GOPROXY=off -- sh -c '
	set -e
	go build -o words .
	./words <text.txt
	echo
	echo "== What the build sees"
	look() { printf "%-34s %s\n" "$1" "$2"; }
	look "user" "$(id -un), uid $(id -u)"
	look "~/.ssh" "$(test -e ~/.ssh && echo THERE || echo not there)"
	look "the home" "$(ls -A ~ | grep -v -e project -e .cache -e go | wc -l) other entries"
	touch /tmp/from-inside
	look "/tmp" "$(ls /tmp | grep -c from-inside) file, its own"
	look "the network" "$(tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d " " | tr "\n" " ")only"
	look "writing to /usr" "$(touch /usr/x 2>&1 | sed "s/.*: //")"
	look "other processes" "$(ls -d /proc/[0-9]* | wc -l), all of this sandbox"
'
echo
echo "== Outside"
test ! -e /tmp/from-inside && echo "/tmp/from-inside is not there"
test -x ./words && echo "the program is: ./words, $(wc -c <words) bytes"
