"""scenes - what the programs of a random walk draw, and what is typed there

What @xterm/headless does otherwise is left out (doc/terminal.md, "What the oracles do otherwise"): what it does with margins and tab stops
on another screen, with origin mode, with a saved cursor when the screen scrolls, with modes at a soft
reset, with what is erased while a wrap is pending.
"""
import fnmatch
import glob
import os

from world import SOURCE

FOLDER = os.path.join(SOURCE, "tests", "corpus", "streams")


def streams():
    """Recorded programs of which no oracle says otherwise."""
    with open(os.path.join(FOLDER, "EXCEPTIONS"), encoding="utf-8") as f:
        rows = [line.split("\t") for line in f if not line.startswith("#")]
    excepted = [row[1] for row in rows if row[0] != "vterm" and row[1] != "*"]
    return [path for path in sorted(glob.glob(os.path.join(FOLDER, "*.vt")))
            if not any(fnmatch.fnmatch(os.path.basename(path), pattern) for pattern in excepted)]


STREAMS = streams()

# For printf in single quotes.
DRAWN = (
    r"\033[r\033[?1049l\033[?1049h\033[H\033[2Jfull screen", r"\033[r\033[?1049h\033[?1049l", r"\033[H\033[2J", r"\033[H",
    r"\033[2;6r\033[6;1H\n\n\none\ntwo\033[r\033[10;1H", r"\033[3;7r\033[3;1H\033M\033M\033L\033[r\033[8;1H",
    r"\033[1;31;44mred on blue\033[m ", r"\033[38;5;208;4mwarm\033[m ", r"\033[38;2;10;200;30mtrue\033[48;2;3;4;5m colour\033[m ",
    r"\033[4:3;58:2::255:0:0mcurly\033[m ", r"\033[7;9;53mreverse\033[27;29;55m\033[2;3mdim\033[m ", r"\033[9;30H\033[42m\033[K\033[m",
    r"\033[44m\033[2J\033[m", r"\033[1m", r"\033[45m", r"\033[m", r"\033[5;70Hat the edge of it all and on",
    r"\346\274\242\345\255\227\346\274\242\345\255\227 ", r"\346\274\242\345\255\227\033[3D|", r"cafe\314\201 ",
    r"\033[79G\346\274\242\345\255\227", r"\033[3;10H\033[4@\033[3;1H\033[2P", r"\033[4;1H\033[2L\033[7;1H\033[M", r"\033[7;7H\033[10X",
    r"\033[?1000h", r"\033[?1002h\033[?1006h", r"\033[?1003l\033[?1000l\033[?1002l\033[?1006l", r"\033[?2004h", r"\033[?2004l",
    r"\033[?1h\033=", r"\033[?1l\033>", r"\033[?25l", r"\033[?25h", r"\033[4 q", r"\033[ q", r"\033[?1004h", r"\033[?1004l",
    r"\033]2;a title\a", r"\033]2;another\a", r"\033(0lqqk\033(B", r"\033[>1u", r"\033[<u", r"\033[>4;2m", r"\033[>4m",
    r"\033[?7l\033[5;70Hno wrap at the edge of it\033[?7h\r", r"\033[4h", r"\033[4l", r"\033[?2026h\033[2;2Htogether\033[?2026l", r"\033[6n\033[c", r"\a",
    r"\0337\033[1;1Hcorner\0338", r"\033[999;999Hx", r"\033[1;1H\033M\033M", r"\033[3J", r"\033]11;#202020\a", r"\033]111\a",
    r"\033[30;1Hfar below\n", r"a\tb\tc\n", r"\033[3b", r"-\033[40b", r"\033]8;;http://example.org\aa link\033]8;;\a ",
)

FLOODS = (
    "seq 40", "seq 3000", "seq -f '%080.0f' 8000", "yes \u6f22\u5b57 | head -n 5000", "yes $(printf %070d 7) | head -c 3000000",
    "for i in 1 2 3 4 5 6; do seq -f \"\033[3${i}m%g\" 300; done", "clear", "yes | head -n 20000", "printf %05000d 1",
    "i=0; while [ $i -lt 30 ]; do i=$((i+1)); printf \"\\r$i \"; sleep 0.01; done", "printf '%s\\n' $(seq 500)",
    "yes $(printf %070d 7)", "seq 1000000",
)

TYPED = (
    "echo typed\r", "echo \u6f22\u5b57 caf\u00e9 \U0001f600\r", "abc\x7f\x7f\x7f", "\r", "\x1b[200~echo \x1cd pasted\x1b[201~\r", "\x1b[A\x1b[B",
    "\x1cz", "# " + "long " * 60 + "\r", "\x1b[200~" + "\u6f22" * 200 + "\x1b[201~", "\x15", "stty size\r", "ls /\r", "\x1bOP",
)
