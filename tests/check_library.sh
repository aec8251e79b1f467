#!/bin/sh
# libcwsandbox is what cwsandbox.h says: both libraries define its functions and no other name, and the manual
# page has every prototype. Run in the build folder by `make check`; srcdir names the sources.
set -u

: "${srcdir:=.}"
: "${NM:=nm}"
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
failed=0

# same WHAT A B: these two lists are the same.
same() {
	sort -u "$2" >"$2.sorted"
	sort -u "$3" >"$3.sorted"
	diff "$2.sorted" "$3.sorted" >"$dir/diff" && [ -s "$2.sorted" ] && return
	echo "check_library: $1 (<: cwsandbox.h):" >&2
	cat "$dir/diff" >&2
	failed=1
}

# defined FILE NM-OPTION: the names it gives to who links it.
defined() {
	$NM "$2" --defined-only "$1" | awk 'NF == 3 && $2 != "A" { sub(/@.*/, "", $3); print $3 }'
}

# Declarations of functions, one a line: comments, directives, structs and enums gone.
sed -e 's,//.*,,' "$srcdir/client/cwsandbox.h" | tr '\n\t' '\001 ' | sed -e 's,/\*[^*]*\*\+\([^/*][^*]*\*\+\)*/,,g' |
	tr '\001' '\n' | grep -v '^#' | tr '\n' ' ' | tr ';' '\n' |
	sed -n -e 's/  */ /g' -e 's/^ //' -e '/[{}]/d' -e 's/ *( */(/' -e '/cwsandbox_[a-z_]*(/p' >"$dir/header"
sed -n 's/^\.B "\(.*\);"$/\1/p' "$srcdir/man/libcwsandbox.3" >"$dir/page"
same "libcwsandbox(3) has other functions" "$dir/header" "$dir/page"

sed 's/.*\(cwsandbox_[a-z_]*\)(.*/\1/' "$dir/header" >"$dir/functions"
checked=
for library in .libs/libcwsandbox.so client/static/libcwsandbox.a; do
	[ -f $library ] || continue
	case $library in *.so) defined $library -D ;; *) defined $library -g ;; esac >"$dir/symbols"
	same "$library defines other names" "$dir/functions" "$dir/symbols"
	checked=1
done
[ -n "$checked" ] || { echo "check_library: no library is built" >&2; failed=1; }
exit $failed
