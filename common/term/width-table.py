#!/usr/bin/python3
"""Prints width_data.h: how many columns code points take, as a table of two stages.

Run by hand when the Unicode version moves, with the newest Unicode Character Database there is:
the package unicodedata2 of PyPI, whose version is that of its data.

    pip install unicodedata2 && ./width-table.py > width_data.h
"""
import unicodedata2 as unicodedata

BLOCK = 256  # code points; two bits each
TABLE_END = 0x20000  # beyond it the rules of rule() hold
CJK = [(0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2FFFD), (0x30000, 0x3FFFD)]


def width(c):
    ch = chr(c)
    cat = unicodedata.category(ch)
    if 0x80 <= c < 0xA0:
        return 3  # C1: shown nowhere
    if c == 0xAD:
        return 1  # a soft hyphen is drawn
    if cat in ("Mn", "Me", "Cf") or 0x1160 <= c <= 0x11FF or 0xD7B0 <= c <= 0xD7FF:
        return 0
    if any(a <= c <= b for a, b in CJK):
        return 2
    return 2 if cat != "Cn" and unicodedata.east_asian_width(ch) in "WF" else 1


def rule(c):
    """width.c says the same."""
    if c < 0x40000:
        return 2 if c & 0xFFFF <= 0xFFFD else 1
    return 0 if c == 0xE0001 or 0xE0020 <= c <= 0xE007F or 0xE0100 <= c <= 0xE01EF else 1


def rows(numbers, per_line):
    for i in range(0, len(numbers), per_line):
        print("\t" + " ".join("%d," % n for n in numbers[i:i + per_line]))


def main():
    for c in range(TABLE_END, 0x110000):
        assert width(c) == rule(c), hex(c)
    blocks, first = [], []
    for start in range(0, TABLE_END, BLOCK):
        bits = [width(c) for c in range(start, start + BLOCK)]
        block = [sum(bits[i + k] << 2 * k for k in range(4)) for i in range(0, BLOCK, 4)]
        if block not in blocks:
            blocks.append(block)
        first.append(blocks.index(block))
    print("/* Made by width-table.py from Unicode %s. */" % unicodedata.unidata_version)
    print("/* clang-format off */")
    print("#define WIDTH_TABLE_END 0x%xu" % TABLE_END)
    print("static const uint8_t width_block[%d] = {" % len(first))
    rows(first, 24)
    print("};")
    print("static const uint8_t width_bits[%d][%d] = {" % (len(blocks), BLOCK // 4))
    for block in blocks:
        print("\t{")
        rows(block, 24)
        print("\t},")
    print("};")
    print("/* clang-format on */")


main()
