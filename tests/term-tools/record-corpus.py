#!/usr/bin/env python3
"""record-corpus - makes tests/corpus/streams: recorded terminal streams of real programs

usage: record-corpus.py BUILD [NAME...]      all scenes, or those named

Each scene runs on a terminal that is the model (term-record), in a name space of its own with bubblewrap: no network,
a home made by scenes/home.sh, the user `user` on the host `host`. Nothing of the machine is in a stream but the
versions of its programs. The programs come from Debian packages, which only this program needs; the suite reads the
streams alone. corpus/streams/MANIFEST has a line for each: file, bytes, package and version, command, keys.
"""
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
STREAMS = os.path.join(HERE, "..", "corpus", "streams")
EXAMPLES = "/usr/libexec/ncurses-examples/"
UP, DOWN, RIGHT, LEFT = (r"\e[A", r"\e[B", r"\e[C", r"\e[D")
APP_UP, APP_DOWN, APP_RIGHT = (r"\eOA", r"\eOB", r"\eOC")
PGDN, PGUP = r"\e[6~", r"\e[5~"
F10 = r"\e[21~"
SCENES = "python3 /scenes/"


def vttest(menu, screens):
    return menu + r"\r" + r"\r" * screens + r"0\r0\r"


# name, size, package (None: no program but python3), command line for sh, keys, options of term-record
TABLE = [
    # editors
    ("vim", "80x24", "vim", "vim --clean hello.c", r":set nu\rGddp3Oadded line\e:%s/hello/goodbye/g\ruu\x12jjVjjd/return\rnggvG\e:q!\r", ""),
    ("vim-syntax", "100x30", "vim", "vim --clean -c 'syntax on' -c 'set termguicolors list nu hlsearch' long.c", r"\x06\x06\x05\x05\x04/return\rnnN:vsp\r\x06\x17w\x06gg:q\r:q!\r", ""),
    ("vim-scroll", "80x24", "vim", "vim --clean text.txt", r"\x05\x05\x05\x05\x19\x19\x04\x04\x15\x06\x06\x02jjjjjjjjjjjjjjjjjjjjjjjjzzztzbGgg:q\r", ""),
    ("vim-insert", "60x20", "vim", "vim --clean", r"ione two three\rfour\x0bfive\rsix seven eight nine ten eleven twelve thirteen fourteen fifteen\e0i\e[5~\eyyppp>>u:sp\r:help\r\x06:qa!\r", ""),
    ("vim-wide", "80x24", "vim", "vim --clean wide.txt", r"\x06\x04llllllxxxxrX0ia漢\ex:set nowrap\rzlzlzl:q!\r", ""),
    ("nvim", "80x24", "neovim", "nvim --clean hello.c", r":set nu\rGddp3Oadded line\e:%s/hello/goodbye/g\ruu\x12jjVjjd/return\rnggvG\e:q!\r", ""),
    ("nvim-colors", "100x30", "neovim", "nvim --clean -c 'set termguicolors' -c 'colorscheme desert' long.c", r":vsp\r\x06\x17w\x06\x06\x02:terminal\recho hi\r\x1c\x0e:q!\r:qa!\r", ""),
    ("nano", "80x24", "nano", "nano hello.c", r"// typed\r\r" + DOWN * 3 + PGDN + PGUP + r"\x0bab\x17return\r\x07\x18\x18n", ""),
    ("nano-lines", "60x20", "nano", "nano -l -c -m wide.txt", PGDN + RIGHT * 6 + r"\x0b\x0b\x15\x15\x17漢\r\x18n", ""),
    ("emacs", "80x24", "emacs-nox", "emacs -nw -Q hello.c", r"\x16\x16\x0e\x0e\x0b\x0b\x19\x18\x32\x18o\eg\eg9\r\x13return\x13\r\x18\x03n", ""),
    ("emacs-text", "100x30", "emacs-nox", "emacs -nw -Q text.txt", r"\x16\x16\x16\ev\x18\x33\x16\exlinum-mode\r\exlist-buffers\r\x18\x31\x00\x16\x17\x18\x03n", ""),
    ("joe", "80x24", "joe", "joe hello.c", r"\x0bh" + DOWN * 5 + r"typed\x19\x03n", ""),
    ("ne", "80x24", "ne", "ne hello.c", r"typed\r\e\e" + PGDN + r"\x11n", ""),
    ("micro", "80x24", "micro", "micro hello.c", r"typed\r" + PGDN + r"\x05set softwrap on\r\x07\x11n", ""),
    ("kakoune", "80x24", "kakoune", "kak -n hello.c", r"xxd%sreturn\rcbreak\e:echo hi\r\x06:q!\r", ""),
    ("hexedit", "80x24", "hexedit", "hexedit text.txt", PGDN + RIGHT * 3 + r"4142\x03n", ""),
    ("sc", "80x24", "sc", "sc", r"=1+2\rj=3*4\rj<text\rl>right\rq", ""),
    # pagers and readers
    ("less", "80x24", "less", "less text.txt", r"   bbddduu/lorem\rnnnGg50g&elit\r&\rq", ""),
    ("less-chop", "60x20", "less", "less -S -N -R wide.txt", " " + RIGHT + RIGHT + LEFT + r"/漢\rnG" + r"q", ""),
    ("less-primary", "80x24", "less", "less -X -F text.txt", r"  bjjjkkq", ""),
    ("man", "100x30", "man-db", "man less", r"  /\x5eOPTIONS\r  bq", ""),
    ("most", "80x24", "most", "most text.txt", r"  bDDU/elit\rnq", ""),
    ("bat", "80x24", "bat", "batcat --paging=never --color=always hello.c README.md; batcat hello.c", r"  q", ""),
    ("w3m", "80x24", "w3m", "w3m page.html", r"\t\t\t jjjkq", ""),
    ("w3m-man", "100x30", "w3m", "w3m -o color=1 -o mouse=1 page.html", r"  bH\t\tB/item\rnqy", ""),
    ("lynx", "80x24", "lynx", "lynx page.html", DOWN * 4 + PGDN + r"qy", ""),
    ("elinks", "80x24", "elinks", "elinks page.html", DOWN * 3 + r"\e" + r"\t" * 3 + "q\r", ""),
    ("links", "80x24", "links", "links page.html", DOWN * 3 + r"\e\e" + r"q\r", ""),
    ("lnav", "100x30", "lnav", "lnav -n -I . text.txt | head -c 20000; lnav text.txt", r"  /lorem\rnnq", ""),
    ("hexyl", "80x24", "hexyl", "hexyl -n 700 text.txt", "", ""),
    # systems and files
    ("htop", "80x24", "htop", "sleep 99 & htop -d 5", DOWN * 3 + r"\e[15~\e[15~/sle\r" + r"hq" + "q", ""),
    ("htop-large", "132x43", "htop", "sleep 99 & htop -d 5", r"tHK" + DOWN * 2 + r"S\e" + "q", ""),
    ("btop", "100x30", "btop", "btop", r"\e1234m\e" + "q", ""),
    ("top", "80x24", "procps", "top -d 0.5", r"zxctVq", ""),
    ("top-large", "132x43", "procps", "top -d 0.5", r"zb1mmAq", ""),
    ("glances", "100x30", "glances", "glances --disable-check-update -t 1", r"14hq", "-w 6"),
    ("mc", "80x24", "mc", "mc -u", DOWN * 4 + r"\t" + DOWN * 2 + r"\e[20~" + RIGHT * 2 + r"\e\e" + r"\x0f" + r"echo hi\r\x0f" + F10 + r"\r", ""),
    ("mc-view", "100x30", "mc", "mcview text.txt", PGDN * 2 + r"\eOS" + r"\eOS" + r"\e[18~lorem\r" + F10, ""),
    ("mc-edit", "80x24", "mc", "mcedit hello.c", r"typed\r" + DOWN * 3 + r"\eOR" + DOWN + r"\eOR" + F10 + r"n", ""),
    ("ranger", "100x30", "ranger", "ranger --clean", r"jjjjkl:help\rqq" + r"q", ""),
    ("nnn", "80x24", "nnn", "nnn -C", r"jjjj\rq?qq", ""),
    ("ncdu", "80x24", "ncdu", "ncdu project", r"jjj\rihq\x1b" + "q", ""),
    ("tree", "80x24", "tree", "tree -C project; ls --color=always --hyperlink=always -la; ls --color=always project", "", ""),
    ("fzf", "80x24", "fzf", "fzf --multi < text.txt", r"lor\x7f\x7fam" + UP * 3 + r"\t\t\x15elit" + r"\r", ""),
    ("fzf-preview", "100x30", "fzf", "find . -type f | sort | fzf --ansi --border --preview 'cat {}' --layout=reverse", DOWN * 2 + r"main" + r"\e", ""),
    ("dialog", "80x24", "dialog", "dialog --colors --menu 'Choose \\Z1one\\Zn' 15 40 5 a first b second c third; dialog --checklist x 15 40 5 a 1 on b 2 off; dialog --msgbox done 6 20", DOWN + r"\r" + " " + DOWN + " " + r"\r\r", ""),
    ("dialog-more", "80x24", "dialog", "for i in 10 40 80 100; do echo $i; done | dialog --gauge wait 8 50; dialog --calendar day 0 0 1 2 2020; dialog --inputbox name 8 40; dialog --textbox text.txt 20 70; dialog --tailbox hello.c 15 60", r"\r" + r"typed\r" + PGDN + r"\r\r", ""),
    ("whiptail", "80x24", "whiptail", "whiptail --title T --menu m 16 50 6 a first b second c third; whiptail --yesno really 8 30; for i in 20 60 100; do echo $i; done | whiptail --gauge g 8 40 0", DOWN + r"\r\t\r", ""),
    # shells
    ("bash", "80x24", "bash", "bash -i", r"ls -la\recho a long line that is wrapped at the end of the screen because it is longer than eighty columns\x01\x06\x06\x0b\x19\rls h\t\t\x15\x12echo\r\x0cseq 40\rexit\r", ""),
    ("bash-narrow", "40x12", "bash", "bash -i", r"echo a line that is wrapped more than once because the screen is so narrow" + r"\x01" + r"x" * 3 + r"\eb\ef\e\x7f\rfor i in 1 2 3; do\rprintf '%s\\t' $i\rdone\rexit\r", ""),
    ("zsh", "80x24", "zsh", "zsh -i", r"ls \t\t\t\recho $PWD\recho one two three four\x01\x0b\x19\rls -l\r\x12ls\r\x0cexit\r", ""),
    ("fish", "80x24", "fish", "fish -i", r"ls\recho hello w\x01\x06\x05orld\rls \t\t\e\x15exit\r", ""),
    ("python", "60x20", "python3", "python3 -q", r"1+1\rdef f(x):\r    return x*2\r\rf('ab')\rprint('x'*200)\r1/0\r\x10\x10\x05\rexit()\r", ""),
    ("ipython", "80x24", "python3-ipython", "ipython3 --no-banner --no-confirm-exit", r"1+1\rdef f(x):\rreturn x*2\r\r\rf?\rqimport os\ros.pa\t\t\e\x03exit\r", "-w 5"),
    ("gdb", "100x30", "gdb", "gcc -g hello.c -o hello && gdb -q -nx -tui hello", r"b main\rrun\rn\rn\rinfo locals\rlayout asm\r\x0cquit\ry\r", ""),
    # version control
    ("git-log", "80x24", "git", "cd project; git -c color.ui=always log --graph --stat -p", r"   /Change\rnq", ""),
    ("git-diff", "100x30", "git", "cd project; git -c color.ui=always diff --word-diff; git status; git -c color.ui=always branch -a -vv; git log --oneline --graph --all --color | cat", r"q", ""),
    ("git-add", "80x24", "git", "cd project; git -c color.ui=always add -p", r"?\rs\ry\rn\rq\r", ""),
    ("tig", "100x30", "tig", "cd project; tig", r"jj\rjjjj\tq/Change\rmq" + r"q", ""),
    # building
    ("cmake", "80x24", "cmake", "cmake -S project -B b -DCMAKE_COLOR_DIAGNOSTICS=ON && cmake --build b", "", "-w 20"),
    ("ninja", "80x24", "ninja-build", "cmake -G Ninja -S project -B b >/dev/null && ninja -C b && touch b/f3.c && ninja -C b", "", "-w 20"),
    ("gcc", "80x24", "gcc", "printf 'int f(void){int x; return y;}\\nint g(int a){if(a=1)return;}\\n' > bad.c; gcc -Wall -Wextra -fdiagnostics-color=always -fdiagnostics-urls=always -c bad.c", "", ""),
    ("cargo", "80x24", "cargo", "cd crate && CARGO_TERM_PROGRESS_WHEN=always CARGO_TERM_PROGRESS_WIDTH=60 cargo build --offline && cargo run --offline", "", "-w 30"),
    ("pip", "80x24", "python3-pip", "python3 -c \"\nimport time\nfrom pip._internal.cli.progress_bars import get_download_progress_renderer as g\nr = g(bar_type='on', size=3000000)\nfor c in r(bytes(65536) for i in range(46)): time.sleep(.02)\n\"; python3 -m pip list; python3 -m pip install --no-index nothing-there", "", "-w 8"),
    ("rich", "100x30", "python3-rich", "python3 -m rich; python3 -m rich.markdown README.md; python3 -m rich.table; python3 -m rich.tree", "", "-w 8"),
    ("rich-progress", "80x24", "python3-rich", "timeout 4 python3 -m rich.progress; timeout 3 python3 -m rich.live; timeout 3 python3 -m rich.status", "", "-w 10"),
    ("jq", "80x24", "jq", "jq -C . data.json", "", ""),
    # multiplexers
    ("tmux", "80x24", "tmux", "tmux -f .tmux.conf new 'bash -i'", r"\x02%seq 50\r\x02\x22ls -la\r\x02[\x02[" + PGUP + r"q\x02c\x02n\x02ttop -d 1\rq\x02:kill-server\r", ""),
    ("tmux-vim", "100x30", "tmux", "tmux -f .tmux.conf new 'vim --clean long.c'", r"\x06\x06\x02%vim --clean text.txt\r\x06\x06\x04:q\r\x02z\x02z\x02:kill-server\r", ""),
    ("screen", "80x24", "screen", "SCREENDIR=$HOME/.s screen -s bash", r" ls -la\r\x01Sseq 30\r\x01\t\x01cecho hi\r\x01\x5c" + r"y", ""),
    ("multitail", "100x30", "multitail", "multitail text.txt hello.c", r"\r\rq", ""),
    # curses, games, pictures
    ("cmatrix", "80x24", "cmatrix", "cmatrix -b -u 2", "", "-b 49152"),
    ("figlet", "80x24", "toilet", "toilet --gay -f mono12 hello; toilet --metal -F border hi; figlet -w 80 figlet", "", ""),
    ("chafa", "80x24", "chafa", "chafa --format symbols --symbols all --size 60x20 /scenes/../picture.png; chafa -c 16 --symbols block --size 40x10 /scenes/../picture.png", "", ""),
    ("img2sixel", "80x24", "libsixel-bin", "echo before; img2sixel -w 64 /scenes/../picture.png; echo after", "", "-b 32768"),
    ("tty-clock", "80x24", "tty-clock", "tty-clock -sc -C 2", "", "-w 2"),
    ("worms", "80x24", "bsdgames", "/usr/games/worms -n 6 -d 20", "", "-b 24576"),
    ("rain", "80x24", "bsdgames", "/usr/games/rain -d 20", "", "-b 16384"),
    ("tetris", "80x24", "bsdgames", "/usr/games/tetris-bsd -k 'jkl pq'", r"jkllk llj kj q", ""),
    ("irssi", "80x24", "irssi", "irssi --home=.irssi", r"/help\r/window new\r\en\x10typed text\r/quit\r", ""),
    ("mutt", "80x24", "mutt", "printf 'From a@example.org Thu Jan  2 00:00:00 2020\\nFrom: a@example.org\\nSubject: =?utf-8?q?h=C3=A9?=\\n\\nbody\\n\\n' > box; mutt -n -F /dev/null -R -f box", r"\r i?  qx", ""),
    ("ncurses-knight", "80x24", "ncurses-examples", EXAMPLES + "knight", r"  aaa\rq", "-b 32768"),
    ("ncurses-newdemo", "80x24", "ncurses-examples", EXAMPLES + "newdemo", r"    q", "-b 49152"),
    ("ncurses-firework", "80x24", "ncurses-examples", EXAMPLES + "firework", r" q", "-b 32768"),
    ("ncurses-xmas", "80x24", "ncurses-examples", EXAMPLES + "xmas", r"  q", "-b 32768"),
    ("ncurses-hanoi", "80x24", "ncurses-examples", EXAMPLES + "hanoi -a 4", "", "-b 16384 -w 4"),
    ("ncurses-lrtest", "80x24", "ncurses-examples", EXAMPLES + "lrtest", r"hjklq", ""),
    ("ncurses-blue", "80x24", "ncurses-examples", EXAMPLES + "blue", r"acq", ""),
    ("ncurses-menus", "80x24", "ncurses-examples", EXAMPLES + "demo_menus", DOWN * 2 + r"\r" + RIGHT + DOWN + r"q", ""),
    ("ncurses-forms", "80x24", "ncurses-examples", EXAMPLES + "demo_forms", r"typed\tmore\t\x11", ""),
    ("ncurses-panels", "80x24", "ncurses-examples", EXAMPLES + "demo_panels", r"\r\r\r\r\r\rq", ""),
    ("ncurses-ins-wide", "80x24", "ncurses-examples", EXAMPLES + "ins_wide", r"abc\x5c\ewq", ""),
    ("ncurses-insdelln", "80x24", "ncurses-examples", EXAMPLES + "insdelln", r"iiddidq", ""),
    ("ncurses-padview", "80x24", "ncurses-examples", EXAMPLES + "padview text.txt", r"jjjllhk q", ""),
    ("ncurses-view", "80x24", "ncurses-examples", EXAMPLES + "view text.txt", r"  jjjkklhq", ""),
    ("ncurses-dots", "80x24", "ncurses-examples", EXAMPLES + "dots_mvcur", "", "-b 32768 -w 2"),
    ("ncurses-background", "80x24", "ncurses-examples", EXAMPLES + "background", r"  q", ""),
    ("ncurses-movewindow", "80x24", "ncurses-examples", EXAMPLES + "movewindow", r"cbd" + DOWN * 3 + r"\rmq", ""),
    ("ncurses-picsmap", "80x24", "ncurses-examples", EXAMPLES + "picsmap /usr/share/ncurses-examples/mini.xterm_48x48.xpm", r"q", "-b 49152"),
    ("ncurses-tclock", "100x30", "ncurses-examples", EXAMPLES + "tclock", r"q", "-b 16384 -w 2"),
    ("ncurses-testcurs", "80x24", "ncurses-examples", EXAMPLES + "testcurs", DOWN + r"\r\r\r\r\r\r" + DOWN + r"\r\r\r\r\rq", ""),
    ("ncurses-xterm-sgr", "80x24", "ncurses-examples", EXAMPLES + "test_sgr -c; " + EXAMPLES + "test_vidputs text.txt", r" q", "-b 32768"),
    ("tput", "80x24", "ncurses-bin", "for c in bold dim sitm smul rev smso blink invis setaf\\ 3 setab\\ 200; do tput $c; echo \"$c\"; tput sgr0; done; tput csr 5 10; tput cup 7 3; tput ri; tput ind; tput il 2; tput dl 1; tput ich 3; tput dch 2; tput ech 4; tput sc; tput home; tput rc; tput smacs; echo lqk; tput rmacs; tput rep 120 9; tput hpa 40; tput vpa 3; tput cuf 3; tput cub 2; tput cud 2; tput cuu 1; tput cbt; tput ht; tput hts; tput el1; tput el; tput ed; tput smir; echo ins; tput rmir; tput civis; tput cvvis; tput cnorm; tput csr 0 23; tput smcup; tput clear; echo alt; tput rmcup; tput reset; tput init", "", ""),
    # vttest
    ("vttest-1", "80x24", "vttest", "vttest", vttest("1", 8), ""),
    ("vttest-2", "80x24", "vttest", "vttest", vttest("2", 16), ""),
    ("vttest-3", "80x24", "vttest", "vttest", r"3\r8\r" + r"\r" * 4 + r"0\r0\r", ""),
    ("vttest-4", "80x24", "vttest", "vttest", vttest("4", 4), ""),
    ("vttest-6", "80x24", "vttest", "vttest", r"6\r3\r\r4\r\r5\r\r0\r0\r", ""),
    ("vttest-8", "80x24", "vttest", "vttest", vttest("8", 12), ""),
    ("vttest-11-colors", "80x24", "vttest", "vttest", r"11\r6\r2\r\r3\r\r4\r\r5\r\r0\r0\r0\r", ""),
    ("vttest-11-titles", "80x24", "vttest", "vttest", r"11\r8\r3\r\r4\r\r5\r\r0\r0\r0\r", ""),
    ("vttest-11-vt420", "80x24", "vttest", "vttest", r"11\r2\r2\r\r\r0\r3\r\r0\r0\r0\r", ""),
    # what no program shows all of
    ("unicode-narrow", "80x24", None, SCENES + "unicode.py narrow", "", ""),
    ("unicode-wide", "80x24", None, SCENES + "unicode.py wide", "", ""),
    ("unicode-emoji", "80x24", None, SCENES + "unicode.py emoji", "", ""),
    ("unicode-marks", "60x20", None, SCENES + "unicode.py marks", "", ""),
    ("unicode-damage", "80x24", None, SCENES + "unicode.py damage", "", ""),
    ("kitty", "80x24", None, SCENES + "modes.py kitty", "", ""),
    ("mouse", "80x24", None, SCENES + "modes.py mouse", "", ""),
    ("hyperlinks", "80x24", None, SCENES + "modes.py links", "", ""),
    ("colors", "80x24", None, SCENES + "modes.py colors", "", ""),
    ("regions", "80x24", None, SCENES + "modes.py regions", "", ""),
    ("apt", "80x24", None, SCENES + "modes.py apt", "", ""),
    ("sixel", "80x24", None, SCENES + "modes.py sixel", "", ""),
    ("queries", "80x24", None, SCENES + "modes.py queries", "", ""),
    ("prompts", "80x24", None, SCENES + "modes.py prompt", "", ""),
    ("screens", "80x24", None, SCENES + "modes.py screens", "", ""),
    ("charsets", "80x24", None, SCENES + "modes.py charsets", "", ""),
]


def version(package):
    if not package:
        return "python3"
    out = subprocess.run(["dpkg-query", "-W", "-f=${Package} ${Version}", package], capture_output=True, text=True)
    return out.stdout or package


def picture(path):
    """A small PNG: two gradients and a disc."""
    import struct
    import zlib
    rows = b""
    for y in range(48):
        rows += b"\0" + b"".join(bytes(((x * 5) & 255, (y * 5) & 255, 255 if (x - 24) ** 2 + (y - 24) ** 2 < 300 else 0)) for x in range(48))
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 48, 48, 8, 2, 0, 0, 0)) +
                chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def walls(etc):
    args = ["bwrap", "--unshare-all", "--hostname", "host", "--die-with-parent", "--uid", "1000", "--gid", "1000",
            "--ro-bind", "/usr", "/usr", "--ro-bind", "/etc", "/etc", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp",
            "--tmpfs", "/var", "--dir", "/var/tmp", "--ro-bind", "/var/lib/dpkg", "/var/lib/dpkg", "--dir", "/home/user", "--chdir", "/home/user"]
    for name in ("bin", "lib", "lib64", "sbin"):
        args += ["--symlink", "usr/" + name, "/" + name]
    for name in os.listdir(etc):
        args += ["--ro-bind", os.path.join(etc, name), "/etc/" + name]
    return args


def record(build, scene, etc, extra):
    name, size, _package, command, keys, options = scene
    with tempfile.TemporaryDirectory() as out:
        line = walls(etc) + ["--bind", out, "/out", "--ro-bind", os.path.join(HERE, "scenes"), "/scenes", "--ro-bind",
                             os.path.join(extra, "picture.png"), "/picture.png",
                             "--ro-bind", os.path.join(build, "tests/term-tools/term-record"), "/record", "--clearenv"]
        for k, v in (("HOME", "/home/user"), ("USER", "user"), ("LOGNAME", "user"), ("LANG", "C.UTF-8"), ("LC_ALL", "C.UTF-8"), ("TZ", "UTC"),
                     ("PATH", "/usr/bin:/bin:/usr/games"), ("SHELL", "/bin/bash"), ("EDITOR", "vi"), ("PYTHONDONTWRITEBYTECODE", "1")):
            line += ["--setenv", k, v]
        inner = "sh /scenes/home.sh >/dev/null 2>&1; exec /record -s %s %s -k \"$1\" /out/stream sh -c \"$2\"" % (size, options)
        subprocess.run(line + ["sh", "-c", inner, "sh", keys, command], check=False, timeout=180, stdin=subprocess.DEVNULL)
        with open(os.path.join(out, "stream"), "rb") as f:
            return f.read()


def manifest_read(path):
    lines = {}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            for line in f:
                if line.strip() and not line.startswith("#"):
                    lines[line.split("\t")[0]] = line.rstrip("\n")
    return lines


def manifest_write(path, lines):
    with open(path, "w", encoding="utf-8") as f:
        f.write("# made by tests/term-tools/record-corpus.py: file, bytes, package and version, command, keys\n")
        for name in sorted(lines):
            f.write(lines[name] + "\n")


def main():
    build, names = os.path.abspath(sys.argv[1]), sys.argv[2:]
    manifest = os.path.join(STREAMS, "MANIFEST")
    lines = manifest_read(manifest)
    with tempfile.TemporaryDirectory() as work:
        etc = os.path.join(work, "etc")
        os.mkdir(etc)
        for file, text in (("passwd", "root:x:0:0::/:/bin/sh\nuser:x:1000:1000::/home/user:/bin/bash\n"), ("group", "root:x:0:\nuser:x:1000:\n"),
                           ("hostname", "host\n"), ("hosts", "127.0.0.1 localhost host\n")):
            with open(os.path.join(etc, file), "w", encoding="ascii") as f:
                f.write(text)
        picture(os.path.join(work, "picture.png"))
        for scene in TABLE:
            if names and scene[0] not in names:
                continue
            data = record(build, scene, etc, work)
            file = "%s-%s.vt" % (scene[0], scene[1])
            with open(os.path.join(STREAMS, file), "wb") as f:
                f.write(data)
            lines[file] = "\t".join((file, str(len(data)), version(scene[2]), scene[3].replace("\n", "; "), scene[4] or "-"))
            print(file, len(data), flush=True)
            manifest_write(manifest, lines)


if __name__ == "__main__":
    if len(sys.argv) < 2 or not shutil.which("bwrap"):
        sys.exit(__doc__)
    main()
