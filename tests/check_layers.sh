#!/bin/sh
# The layers of doc/architecture.md: who may include whom, and what an archive may ask of the linker.
# Run in the build folder by `make check`; srcdir names the sources.
set -u

: "${srcdir:=.}"
failed=0

say() {
	echo "check_layers: $*" >&2
	failed=1
}

# take GLOB... -- WORD...: the files of a layer, and `words`, joined by |; false: there are no such files.
take() {
	files=
	while [ "$1" != -- ]; do
		for f in "$srcdir"/$1; do
			[ -f "$f" ] && files="$files $f"
		done
		shift
	done
	shift
	words=$(printf '%s|' "$@")
	words=${words%|}
	[ -n "$files" ]
}

# includes LAYER GLOB... -- ALLOWED: every #include of ours in these files starts with one of the allowed paths.
includes() {
	layer=$1
	shift
	take "$@" || return 0
	# shellcheck disable=SC2086
	wrong=$(grep -nE '^#include "(common|daemon|local|client|keeper)/' $files /dev/null |
		grep -vE "#include \"($words)")
	[ -z "$wrong" ] || say "$layer includes what is above it:
$wrong"
}

# libraries LAYER GLOB... -- FORBIDDEN: no #include <...> of these.
libraries() {
	layer=$1
	shift
	take "$@" || return 0
	# shellcheck disable=SC2086
	wrong=$(grep -nE "^#include <($words)" $files /dev/null)
	[ -z "$wrong" ] || say "$layer includes a library it must not know:
$wrong"
}

# symbols ARCHIVE SYMBOL...: the archive asks for none of these (regular expressions of whole names).
symbols() {
	archive=$1
	shift
	[ -f "$archive" ] || return 0
	forbidden=$(printf '%s|' "$@")
	wrong=$(nm -u "$archive" 2>/dev/null | awk '$1 == "U" { print $2 }' | sed 's/@.*//' | sort -u |
		grep -E "^(${forbidden%|})\$")
	[ -z "$wrong" ] || say "$archive asks for" $wrong
}

# closed ARCHIVE OURS...: whatever the archive asks for that any of our archives defines, these define.
closed() {
	archive=$1
	shift
	[ -f "$archive" ] || return 0
	wanted=$(mktemp) && mine=$(mktemp) && ours=$(mktemp) || exit 1
	nm -u "$archive" 2>/dev/null | awk '$1 == "U" { print $2 }' | sort -u >"$wanted"
	nm -g --defined-only "$archive" "$@" 2>/dev/null | awk 'NF == 3 { print $3 }' | sort -u >"$mine"
	nm -g --defined-only ./*.a 2>/dev/null | awk 'NF == 3 { print $3 }' | sort -u >"$ours"
	wrong=$(comm -12 "$wanted" "$ours" | comm -23 - "$mine")
	rm -f "$wanted" "$mine" "$ours"
	[ -z "$wrong" ] || say "$archive does not link without:" $wrong
}

util='common/(util|list|ledger|clock|text|pty)\.h'
base="$util|common/(frame|paths)\\.h"

includes util 'common/util.h' 'common/list.h' 'common/ledger.h' 'common/clock.h' 'common/text.[ch]' \
	'common/pty.[ch]' -- "$util"
includes term 'common/term/*.[ch]' -- "$util" 'common/term/'
includes base 'common/frame.[ch]' 'common/paths.[ch]' -- "$base"
includes conf 'common/cfg.[ch]' 'common/journal.[ch]' -- "$base" 'common/(cfg|journal)\.h'
includes wire 'common/wire/*.[ch]' -- "$base" 'common/wire/'
includes core 'daemon/core/*.[ch]' -- "$base" 'common/term/' 'daemon/core/'
includes io 'common/io/*.[ch]' -- "$base" 'common/wire/' 'common/io/'
includes daemon 'daemon/*.[ch]' -- 'common/' 'daemon/'
includes libcwsandbox 'client/lib*.[ch]' -- "$base" 'client/(cwsandbox|lib)'
includes client 'client/*.[ch]' -- "$base" 'common/(cfg|journal)\.h' 'common/term/(term|width)\.h' 'client/'
includes local 'local/*.[ch]' -- 'common/' 'local/'

event='event2?/|event\.h'
net='openssl/|nghttp2/'
libraries util 'common/util.h' 'common/list.h' 'common/ledger.h' 'common/clock.h' 'common/text.[ch]' \
	'common/term/*.[ch]' -- "$event" "$net" msgpack protobuf-c systemd/ 'sys/socket' jansson vterm
libraries wire 'common/wire/*.[ch]' -- "$event" openssl/ systemd/ sys/socket poll fcntl
libraries core 'daemon/core/*.[ch]' -- "$event" "$net" protobuf-c systemd/ sys/socket poll fcntl jansson ini stdio \
	time\.h
libraries client 'client/lib*.[ch]' -- "$event" openssl/ nghttp2/ systemd/ protobuf-c jansson

symbols libutil.a 'event_.*' 'SSL_.*' 'nghttp2_.*' 'msgpack_.*' 'socket' 'getenv'
symbols libterm.a 'event_.*' 'SSL_.*' 'nghttp2_.*' 'msgpack_.*' 'socket' 'read' 'write' 'open(64)?' 'getenv' \
	'time' 'rand' 'strcpy' 'strcat' 'sprintf' 'strtok' 'atoi'
symbols libcore.a 'event_.*' 'evbuffer_.*' 'bufferevent_.*' 'SSL_.*' 'nghttp2_.*' 'protobuf_c_.*' 'sd_.*' \
	'socket' 'read' 'write' 'writev' 'recv.*' 'send(to|msg)?' 'open(64)?' 'close' 'poll' 'select' 'epoll_.*' \
	'time' 'clock_gettime' 'gettimeofday' 'rand(om)?' 'srand' 'getrandom' 'getenv' '.*printf(_chk)?' 'puts' \
	'strcpy' 'strcat' 'strtok(_r)?' 'atoi' 'alloca'
symbols libwire.a 'event_.*' 'evbuffer_.*' 'SSL_.*' 'socket' 'read' 'write' 'recv.*' 'send(to|msg)?' 'poll' 'epoll_.*'

closed libutil.a
closed libterm.a libutil.a
closed libbase.a libutil.a
closed libconf.a libbase.a libutil.a
closed libwire.a libpb.a libbase.a libutil.a
closed libcore.a libterm.a libbase.a libutil.a
closed libio.a libwire.a libpb.a libbase.a libutil.a

exit $failed
