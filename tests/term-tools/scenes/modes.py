"""Sequences no common program uses all of, as programs that use some of them do."""
import sys
import time

ESC = "\x1b"


def put(text):
    sys.stdout.write(text)
    sys.stdout.flush()


def kitty():
    put(ESC + "[?u" + ESC + "[>1u" + ESC + "[=5;1u" + ESC + "[?u")
    put("kitty keyboard, two deep\r\n" + ESC + "[>3u" + ESC + "[?1049h" + ESC + "[>15u" + ESC + "[2J" + ESC + "[Hother screen\r\n")
    time.sleep(0.1)
    put(ESC + "[<u" + ESC + "[?1049l" + ESC + "[<1ustill one deep\r\n" + ESC + "[>4;2m" + "modifyOtherKeys\r\n")


def mouse():
    for mode in (9, 1000, 1002, 1003):
        put(ESC + "[?%dh" % mode + "mouse %d\r\n" % mode)
        for how in (1006, 1016):
            put(ESC + "[?%dh" % how + "written as %d\r\n" % how + ESC + "[?%dl" % how)
        put(ESC + "[?%dl" % mode if mode != 1003 else "")
    put(ESC + "[?1004h" + ESC + "[?2004h" + ESC + "[?1hfocus, paste, cursor keys" + ESC + "[?1006h")


def links():
    for i in range(30):
        put(ESC + "]8;id=%d;http://example.org/%d" % (i % 7, i % 5) + ESC + "\\link %d" % i + ESC + "]8;;" + ESC + "\\" + (" " if i % 4 else "\r\n"))
    put(ESC + "]8;;http://example.org/open\x07" + "a link that is not closed, over more than one line of text, " * 3)


def colors():
    for i in range(256):
        put(ESC + "[48;5;%dm%3d " % (i, i) + ESC + "[m" + ("\r\n" if i % 18 == 15 else ""))
    for i in range(0, 256, 3):
        put(ESC + "[38;2;%d;%d;128m" % (i, 255 - i) + ESC + "[48:2::%d:0:%dm" % (255 - i, i) + "#")
    put(ESC + "[m\r\n")
    for n in range(6):
        put(ESC + "[4:%dm" % n + ESC + "[58:5:%dmunderline %d" % (n + 1, n) + ESC + "[m ")
    put("\r\n" + " ".join(ESC + "[%dmSGR %d" % (n, n) + ESC + "[m" for n in (1, 2, 3, 4, 5, 7, 8, 9, 21, 53)) + "\r\n")
    put(ESC + "]4;1;rgb:ff/80/00;2;#00f" + ESC + "\\" + ESC + "]10;#ddd\x07" + ESC + "]11;rgb:1010/1010/2020\x07" + ESC + "]12;#ff0\x07")
    put(ESC + "[31mnot red any more" + ESC + "[m" + ESC + "]0;a title\x07" + ESC + "]7;file://host/home/user\x07")


def regions():
    put(ESC + "[2J" + ESC + "[1;1Hheader" + ESC + "[24;1Hfooter" + ESC + "[3;20r" + ESC + "[3;1H")
    for i in range(60):
        put("line %d in the region\r\n" % i)
    put(ESC + "[?6h" + ESC + "[5;5Horigin" + ESC + "7" + ESC + "[?6l" + ESC + "[1;20Houtside" + ESC + "8saved")
    put(ESC + "[3L" + ESC + "M" + ESC + "D" + ESC + "E" + ESC + "[2M" + ESC + "[4T" + ESC + "[2S" + ESC + "[4h" + "inserted" + ESC + "[4l")
    put(ESC + "[10;70H" + "wraps at the end of the line and goes on" + ESC + "[3g" + ESC + "[1;5H" + ESC + "H" + ESC + "[1;30H" + ESC + "H\r\ttab\ttab\ttab")


def apt():
    """What apt draws: a region for the log, and a bar below it."""
    put("\n" + ESC + "7" + ESC + "[0;23r" + ESC + "8" + ESC + "[1A")
    for i in range(0, 101, 2):
        bar = "#" * (i * 50 // 100)
        put("Unpacking package-%d (1.%d-1) ...\r\n" % (i, i))
        put(ESC + "7" + ESC + "[24;0f" + ESC + "[42m" + ESC + "[30mProgress: [%3d%%]" % i + ESC + "[49m" + ESC + "[39m [%-50s] " % bar + ESC + "8")
    put(ESC + "7" + ESC + "[0;24r" + ESC + "8" + ESC + "[1A" + ESC + "[Jdone\r\n")


def sixel():
    put("before\r\n" + ESC + "Pq\"1;1;64;12#0;2;0;0;0#1;2;100;50;0" + "#1!64~-" * 2 + ESC + "\\\r\nafter" + ESC + "_Ga=T,f=32;AAAA" + ESC + "\\ kitty graphics")
    put(ESC + "]1337;File=inline=1:AAAA\x07 iTerm" + ESC + "P+q544e" + ESC + "\\" + ESC + "^private" + ESC + "\\ end\r\n")


def queries():
    for text in ("[c", "[>c", "[=c", "[5n", "[6n", "[?6n", "[?25$p", "[?2026$p", "[4$p", "[>q", "[?u", "[?4m", "[18t", "[14t", "[21t", "]4;1;?\x07",
                 "]10;?\x07", "]11;?" + ESC + "\\", "]12;?\x07", "]52;c;?\x07", "P$qm" + ESC + "\\", "P$qr" + ESC + "\\", "P$q q" + ESC + "\\",
                 "P+q544e;436f" + ESC + "\\", "[x", "[?996n", "[?15n"):
        put(ESC + text + "asked\r\n")


def prompt():
    for i in range(40):
        put(ESC + "]133;A\x07" + ESC + "[1;32m$" + ESC + "[m " + ESC + "]133;B\x07" + "command %d" % i + ESC + "]133;C\x07\r\n" + "output of it\r\n" * (i % 4) + ESC + "]133;D;0\x07")
    put(ESC + "[?2026h" + ESC + "[Hsynchronized" + ESC + "[K" + ESC + "[?2026l" + ESC + "[5 q" + ESC + "[?25l" + ESC + "[2;2H" + ESC + "[?25h")


def screens():
    put("primary text\r\n" * 5 + ESC + "[31;1m" + ESC + "[5;7H" + ESC + "7")
    for number in (47, 1047, 1049):
        put(ESC + "[?%dh" % number + ESC + "[10;10Hin %d" % number + ESC + "[2;4r" + ESC + "7" + ESC + "[r" + ESC + "[?%dl" % number + "back ")
    put(ESC + "[?1049h" + ESC + "[44m" + ESC + "[2J" + ESC + "[3;3Hleft open" + ESC + "(0lqqk" + ESC + "(B" + ESC + "[1\"qprotected" + ESC + "[0\"q")


def charsets():
    for g in "()*+":
        put(ESC + g + "0")
    put("lqqwqqk\r\nx  x  x\r\nmqqvqqj\r\n" + ESC + "(B" + "abc\x0elqk\x0f" + ESC + "nlqk" + ESC + "o" + "lqk" + ESC + "Nlq" + ESC + "Olq\x0f" + ESC + "(A#" + ESC + "(B#\r\n")
    put("~`" + ESC + "(0" + "".join(chr(c) for c in range(0x60, 0x7f)) + "\r\nx" + ESC + "[20b" + "\x0f")


globals()[sys.argv[1]]()
