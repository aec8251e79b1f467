#!/bin/sh
# Makes the protobuf-c code from proto/. protoc-c 1.4 refuses proto3 `optional`, so each such field is written
# as a oneof of one member first: the same bytes on the wire, presence in `opt_NAME_case`.
# usage: generate.sh PROTO_DIR OUT_DIR   (PROTOC_C and SED from the environment)
set -eu
proto=$1 out=$2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
: "${PROTOC_C:=protoc-c}" "${SED:=sed}"
files='coreweave/sandbox/v1/sandbox.proto coreweave/sandbox/v1/runtime_class.proto google/rpc/status.proto
	cwsandbox/record.proto'
for f in $files; do
	mkdir -p "$tmp/$(dirname "$f")"
	$SED -E 's/^( *)optional ([A-Za-z0-9_.]+) ([a-z0-9_]+) = ([0-9]+);/\1oneof opt_\3 { \2 \3 = \4; }/' \
		"$proto/$f" > "$tmp/$f"
done
# shellcheck disable=SC2086 # a list of words
(cd "$tmp" && $PROTOC_C -I. --c_out=. $files google/protobuf/timestamp.proto \
	google/protobuf/duration.proto google/protobuf/any.proto)
rm -rf "$out/coreweave" "$out/google" "$out/cwsandbox"
mkdir -p "$out"
(cd "$tmp" && find . -name '*.pb-c.[ch]') | while read -r f; do
	mkdir -p "$out/$(dirname "$f")"
	cp "$tmp/$f" "$out/$f"
done
touch "$out/stamp"
