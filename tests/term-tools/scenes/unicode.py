"""Characters that terminals disagree about, in tables: widths, marks, joiners, directions, damage."""
import sys

out = sys.stdout.buffer


def line(text):
    out.write(text.encode("utf-8", "surrogatepass") + b"\r\n")


def blocks(spans):
    for first, last in spans:
        for start in range(first, last + 1, 32):
            line("%05x |" % start + "".join(chr(c) + " " for c in range(start, min(start + 32, last + 1))) + "|")


which = sys.argv[1]
if which == "narrow":
    blocks([(0xa1, 0x2af), (0x370, 0x3ff), (0x400, 0x52f), (0x2010, 0x2027), (0x2190, 0x21ff), (0x2500, 0x259f), (0x2800, 0x28ff)])
elif which == "wide":
    blocks([(0x1100, 0x115f), (0x3041, 0x30ff), (0x4e00, 0x4eff), (0xac00, 0xac5f), (0xff01, 0xff60), (0x20000, 0x2001f)])
elif which == "emoji":
    blocks([(0x1f300, 0x1f320), (0x1f330, 0x1f335), (0x1f400, 0x1f43e), (0x1f600, 0x1f64f), (0x1f680, 0x1f6c5)])
    for text in ("\U0001f468\u200d\U0001f469\u200d\U0001f467", "\u2764\ufe0f", "\U0001f1e9\U0001f1ea", "\U0001f44d\U0001f3fd", "1\ufe0f\u20e3"):
        line("[" + text + "] family, heart, flag, thumb, keycap")
elif which == "marks":
    for base in "aeiou漢🙂":
        line(" ".join(base + "".join(chr(0x300 + (k * 7 + j) % 0x30) for j in range(k)) for k in range(5)) + "|")
    line("\u0e01\u0e33 \u0e17\u0e35\u0e48 \u0915\u094d\u0937 \u0639\u064e\u0631\u064e\u0628 \u05e9\u05b8\u05dc")
    line("\u1112\u1161\u11ab a\u200bb a\u2060b a\u00adb \u202eabc\u202c")
    line("past the end" + "x" * 60 + "\u0301\u0302")
else:  # damage
    for piece in (b"\xff\xfe", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf", b"\x80\x81\x9f"):
        out.write(b"[" + piece + b"] and then\r\n")
    line("é漢🙂 a\ufeffb [\ufeff]")
    line("\u0301 at the start of a line")
