#!/usr/bin/python3
"""Prints width_data.h: the code points that take no column, and those that take two.

Run by hand when the Unicode version moves: ./width-table.py > width_data.h
"""
import unicodedata

CJK = [(0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2FFFD), (0x30000, 0x3FFFD)]


def width(c):
    ch = chr(c)
    cat = unicodedata.category(ch)
    if c == 0xAD:
        return 1  # a soft hyphen is drawn
    if cat in ("Mn", "Me", "Cf") or 0x1160 <= c <= 0x11FF or 0xD7B0 <= c <= 0xD7FF:
        return 0
    if any(a <= c <= b for a, b in CJK):
        return 2
    return 2 if cat != "Cn" and unicodedata.east_asian_width(ch) in "WF" else 1


def ranges(want):
    out = []
    for c in range(0xA0, 0x110000):
        if 0xD800 <= c <= 0xDFFF or width(c) != want:
            continue
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def table(name, rows):
    print("static const struct range %s[] = {" % name)
    line = ""
    for a, b in rows:
        cell = "{ 0x%x, 0x%x }," % (a, b)
        if len(line) + len(cell) > 88:
            print("\t" + line.rstrip())
            line = ""
        line += cell + " "
    print("\t" + line.rstrip())
    print("};")


print("/* Made by width-table.py from Unicode %s. */" % unicodedata.unidata_version)
print("/* clang-format off */")
table("zero_width", ranges(0))
print()
table("double_width", ranges(2))
print("/* clang-format on */")
