"""screen - what a terminal would show: a small, plain reader of the bytes a program writes

It exists to judge, so it shares no code with common/term. It knows what shells, editors and our own painter
emit; anything it does not know it skips and counts in `unknown`.
"""
import codecs
import re
import unicodedata

# What a program must have undone when it leaves: private modes whose default is "off", and those that are "on".
MODES_OFF = {1: "application cursor keys", 5: "reverse video", 6: "origin mode", 9: "X10 mouse",
             47: "alternate screen", 66: "application keypad", 1000: "mouse", 1002: "mouse drag",
             1003: "mouse motion", 1004: "focus events", 1005: "UTF-8 mouse", 1006: "SGR mouse",
             1015: "urxvt mouse", 1047: "alternate screen", 1049: "alternate screen",
             2004: "bracketed paste", 2026: "synchronized output"}
MODES_ON = {7: "autowrap", 25: "visible cursor"}

ACS = dict(zip("jklmnqtuvwx", "┘┐┌└┼─├┤┴┬│"))

# Bytes that make a real terminal answer: a client's terminal must never be sent one of them.
QUERY = re.compile(
    rb"\x1b\[[>=]?[0-9;]*c|\x1b\[\??[0-9;]*n|\x1bZ|\x1b\[>[0-9]*q|\x1b\[\??[0-9;]*\$p|\x1b\[\?u"
    rb"|\x1b\[1[1345689][0-9;]*t|\x1b\[2[01]t|\x1bP[+$]q|\x1b\](?:4;[0-9]+|1[0-9]|52;[a-z0-9]*);\?|\x05")

PLAIN = re.compile(r"[ -~]{4,}")


class Screen:
    def __init__(self, cols=80, rows=24):
        self.cols, self.rows = cols, rows
        self.scrollback = []
        self.titles = []
        self.title_stack = []
        self.popped_too_many = False
        self.bells = 0
        self.unknown = []
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.reset()

    def reset(self):
        self.grids = [self._blank(), self._blank()]
        self.alternate = 0
        self.x = self.y = 0
        self.wrap_pending = False
        self.top, self.bottom = 0, self.rows - 1
        self.saved = [(0, 0), (0, 0)]
        self.entered = None
        self.modes = set(MODES_ON)
        self.kitty = []
        self.modify_other_keys = 0
        self.keypad = False
        self.insert = False
        self.acs = [False, False]
        self.shift = 0
        self.pen = set()
        self.last = " "
        self._state, self._seq = self._ground, ""

    # ---- what tests ask ----

    @property
    def grid(self):
        return self.grids[self.alternate]

    def line(self, y):
        return "".join(self.grid[y]).rstrip()

    def lines(self):
        return [self.line(y) for y in range(self.rows)]

    def text(self):
        return "\n".join(self.lines()).rstrip("\n")

    def all_text(self):
        """The scrollback and the screen: everything a person could scroll to."""
        return "\n".join(self.scrollback + [self.text()])

    def leftovers(self):
        """What a program that left has not undone, in words; empty when the terminal is sane."""
        bad = [word for mode, word in MODES_OFF.items() if mode in self.modes]
        bad += ["no " + word for mode, word in MODES_ON.items() if mode not in self.modes]
        if self.alternate:
            bad.append("on the alternate screen")
        if self.keypad:
            bad.append("application keypad")
        if self.insert:
            bad.append("insert mode")
        if self.kitty:
            bad.append("kitty keyboard flags")
        if self.modify_other_keys:
            bad.append("modifyOtherKeys")
        if self.pen:
            bad.append("colours or attributes %s" % sorted(self.pen))
        if (self.top, self.bottom) != (0, self.rows - 1):
            bad.append("a scroll region")
        if self.acs[0] or self.shift:
            bad.append("line-drawing characters")
        if self.title_stack:
            bad.append("a title on the stack")
        if self.popped_too_many:
            bad.append("a title popped that was never pushed")
        if self._state != self._ground:
            bad.append("an unfinished sequence")
        return sorted(set(bad))

    def resize(self, cols, rows):
        for i, grid in enumerate(self.grids):
            while len(grid) > rows and i == self.alternate and self.y >= rows:
                line = grid.pop(0)
                if i == 0:
                    self.scrollback.append("".join(line).rstrip())
                self.y -= 1
            del grid[rows:]
            grid.extend([" "] * cols for _ in range(rows - len(grid)))
            for y, line in enumerate(grid):
                grid[y] = (line + [" "] * cols)[:cols]
        self.cols, self.rows = cols, rows
        self.x, self.y = min(self.x, cols - 1), min(self.y, rows - 1)
        self.top, self.bottom = 0, rows - 1
        self.wrap_pending = False

    # ---- bytes in ----

    def feed(self, data):
        text, at = self.decoder.decode(data), 0
        while at < len(text):
            plain = PLAIN.match(text, at) if self._plain() else None
            if plain and self.x + len(plain.group()) < self.cols:
                self._put_plain(plain.group())
                at = plain.end()
            else:
                self._state(text[at])
                at += 1

    def _plain(self):
        """Printable ASCII is put as it comes: most of what tests show, and much faster."""
        return self._state == self._ground and not (self.insert or self.wrap_pending or self.acs[self.shift])

    def _put_plain(self, text):
        self.grid[self.y][self.x:self.x + len(text)] = text
        self.x += len(text)
        self.last = text[-1]

    def _ground(self, ch):
        code = ord(ch)
        if code >= 0x20 and code != 0x7F:
            self._put(ch)
        else:
            self._control(ch)

    def _control(self, ch):
        if ch == "\x1b":
            self._state, self._seq = self._escape, ""
        elif ch in "\n\v\f":
            self._index()
        elif ch == "\r":
            self.x, self.wrap_pending = 0, False
        elif ch == "\b":
            self.x, self.wrap_pending = max(0, self.x - 1), False
        elif ch == "\t":
            self.x = min(self.cols - 1, (self.x // 8 + 1) * 8)
        elif ch == "\a":
            self.bells += 1
        elif ch == "\x0e":
            self.shift = 1
        elif ch == "\x0f":
            self.shift = 0

    def _escape(self, ch):
        self._state = self._ground
        if ch == "[":
            self._state, self._seq = self._csi, ""
        elif ch in "]PX^_":
            self._state, self._seq, self._string_kind = self._string, "", ch
        elif ch in "()*+#%- ":
            self._state, self._seq = self._charset, ch
        elif ch == "7":
            self.saved[self.alternate] = (self.x, self.y)
        elif ch == "8":
            self._restore()
        elif ch == "D":
            self._index()
        elif ch == "E":
            self.x = 0
            self._index()
        elif ch == "M":
            self._reverse_index()
        elif ch == "c":
            self.reset()
        elif ch in "=>":
            self.keypad = ch == "="
        elif ch == "\x1b":
            self._state = self._escape
        elif ch not in "\\NOHZ":
            self.unknown.append("ESC " + ch)

    def _charset(self, ch):
        self._state = self._ground
        if self._seq in "()":
            self.acs["()".index(self._seq)] = ch == "0"

    def _string(self, ch):
        if ch in "\a\x18\x1a" or (ch == "\\" and self._seq.endswith("\x1b")):
            self._state = self._ground
            kind, body = self._string_kind, self._seq.rstrip("\x1b")
            if kind == "]" and body[:2] in ("0;", "2;"):
                self.titles.append(body[2:])
        elif len(self._seq) < 1 << 20:
            self._seq += ch

    def _csi(self, ch):
        if ch in "\x18\x1a":
            self._state = self._ground
        elif ch == "\x1b":
            self._state = self._escape
        elif ord(ch) < 0x20:
            self._control(ch)
        elif "@" <= ch <= "~":
            self._state = self._ground
            self._csi_do(ch, self._seq)
        else:
            self._seq += ch

    # ---- what the bytes do ----

    def _csi_do(self, final, seq):
        private = seq[0] if seq[:1] in ("?", ">", "=", "<") else ""
        body = seq[len(private):]
        args = [int(a) if a.isdigit() else 0 for a in re.split("[;:]", body.strip(" !\"$'*+"))]
        n = max(1, args[0])
        if private == "?" and final in "hl":
            for mode in args:
                self._mode(mode, final == "h")
        elif private == ">" and final == "m" and args[0] == 4:
            self.modify_other_keys = args[1] if len(args) > 1 else 0
        elif private in ("", "?", ">", "=", "<") and final == "u" and private:
            self._kitty(private, args)
        elif private and final in "cnqtJKpSmr":
            pass
        elif not private and final in self.ACTIONS and not body.endswith((" ", "!", "$", "'", '"', "*")):
            self.ACTIONS[final](self, n, args, body)
        elif body.endswith("!") and final == "p":
            self.modes = set(MODES_ON)
            self.keypad, self.insert, self.pen = False, False, set()
            self.top, self.bottom = 0, self.rows - 1
        elif final not in "qp":
            self.unknown.append("CSI " + seq + final)

    def _title_stack(self, n):
        if n == 22:
            self.title_stack.append(self.titles[-1] if self.titles else "")
        elif n == 23 and self.title_stack:
            self.titles.append(self.title_stack.pop())
        elif n == 23:
            self.popped_too_many = True

    def _kitty(self, private, args):
        if private == ">":
            self.kitty.append(args[0])
        elif private == "<":
            del self.kitty[-max(1, args[0]):]

    def _mode(self, mode, on):
        if mode in (47, 1047, 1049):
            self._alternate(mode, on)
        (self.modes.add if on else self.modes.discard)(mode)
        if mode == 6:
            self._goto(0, 0)

    def _alternate(self, mode, on):
        if on and not self.alternate:
            if mode == 1049:
                self.saved[0] = self.entered = (self.x, self.y)
                self.grids[1] = self._blank()
            self.alternate = 1
        elif not on:
            left, self.alternate = self.alternate, 0
            self.modes -= {47, 1047, 1049}
            if mode == 1049 and left:
                self._restore()
            elif mode == 1049 and self.entered:  # as tmux: to where it was entered last, from the primary screen too
                self._goto(*self.entered)

    def _restore(self):
        x, y = self.saved[self.alternate]
        self.x, self.y, self.wrap_pending = min(x, self.cols - 1), min(y, self.rows - 1), False

    def _goto(self, x, y):
        if 6 in self.modes:
            y = min(y + self.top, self.bottom)
        self.x = max(0, min(self.cols - 1, x))
        self.y = max(0, min(self.rows - 1, y))
        self.wrap_pending = False

    def _put(self, ch):
        if self.acs[self.shift]:
            ch = ACS.get(ch, ch)
        width = 2 if unicodedata.east_asian_width(ch) in "WF" else 1
        if unicodedata.combining(ch) or ch in "\u200d\ufe0e\ufe0f":
            at = self.x if self.wrap_pending else max(0, self.x - 1)
            self.grid[self.y][at] += ch
            return
        if self.wrap_pending or self.x + width > self.cols:
            if 7 in self.modes:
                self.x = 0
                self._index()
            self.wrap_pending = False
        line = self.grid[self.y]
        if self.insert:
            line[self.x:self.x] = [" "] * width
            del line[self.cols:]
        line[self.x] = ch
        if width == 2 and self.x + 1 < self.cols:
            line[self.x + 1] = ""
        self.last = ch
        self.x += width
        if self.x >= self.cols:
            self.x, self.wrap_pending = self.cols - 1, True

    def _index(self):
        self.wrap_pending = False
        if self.y == self.bottom:
            self._scroll_up(1)
        elif self.y < self.rows - 1:
            self.y += 1

    def _reverse_index(self):
        self.wrap_pending = False
        if self.y == self.top:
            self._scroll_down(1, self.top)
        elif self.y > 0:
            self.y -= 1

    def _scroll_up(self, n, top=None):
        top = self.top if top is None else top
        for _ in range(min(n, self.bottom - top + 1)):
            line = self.grid.pop(top)
            if top == 0 and not self.alternate:
                self.scrollback.append("".join(line).rstrip())
            self.grid.insert(self.bottom, [" "] * self.cols)

    def _scroll_down(self, n, top):
        for _ in range(min(n, self.bottom - top + 1)):
            self.grid.pop(self.bottom)
            self.grid.insert(top, [" "] * self.cols)

    def _erase_display(self, n, args, body):
        if args[0] == 0:
            self._erase_line(n, [0], "")
            span = range(self.y + 1, self.rows)
        elif args[0] == 1:
            self._erase_line(n, [1], "")
            span = range(0, self.y)
        elif args[0] == 2:
            span = range(self.rows)
        else:
            span = ()
            self.scrollback.clear()
        for y in span:
            self.grid[y] = [" "] * self.cols

    def _erase_line(self, n, args, body):
        line = self.grid[self.y]
        a, b = {0: (self.x, self.cols), 1: (0, self.x + 1)}.get(args[0], (0, self.cols))
        line[a:b] = [" "] * (b - a)

    def _insert_lines(self, n, args, body):
        if self.top <= self.y <= self.bottom:
            self._scroll_down(n, self.y)

    def _delete_lines(self, n, args, body):
        if self.top <= self.y <= self.bottom:
            for _ in range(min(n, self.bottom - self.y + 1)):
                self.grid.pop(self.y)
                self.grid.insert(self.bottom, [" "] * self.cols)

    def _delete_chars(self, n, args, body):
        line = self.grid[self.y]
        del line[self.x:self.x + n]
        line.extend([" "] * (self.cols - len(line)))

    def _insert_chars(self, n, args, body):
        line = self.grid[self.y]
        line[self.x:self.x] = [" "] * n
        del line[self.cols:]

    def _erase_chars(self, n, args, body):
        n = min(n, self.cols - self.x)
        self.grid[self.y][self.x:self.x + n] = [" "] * n

    def _repeat(self, n, args, body):
        for _ in range(min(n, self.cols * self.rows)):
            self._put(self.last)

    def _region(self, n, args, body):
        bottom = args[1] if len(args) > 1 and args[1] else self.rows
        top = n - 1
        if top < bottom <= self.rows:
            self.top, self.bottom = top, bottom - 1
        self._goto(0, 0)

    def _set_mode(self, on, args):
        if 4 in args:
            self.insert = on

    def _save(self, n, args, body):
        self.saved[self.alternate] = (self.x, self.y)

    UNDO = {22: {1, 2}, 23: {3}, 24: {4}, 25: {5}, 27: {7}, 28: {8}, 29: {9}, 55: {53}, 59: {58},
            39: {38} | set(range(30, 38)) | set(range(90, 98)), 49: {48} | set(range(40, 48)) | set(range(100, 108))}

    def _attributes(self, n, args, body):
        while args:
            code = args.pop(0)
            if code == 0:
                self.pen.clear()
            elif code in self.UNDO:
                self.pen -= self.UNDO[code]
            else:
                self.pen.add(code)
            if code in (38, 48, 58):
                del args[:2 if args[:1] == [5] else 4 if args[:1] == [2] else 1]

    def _blank(self):
        return [[" "] * self.cols for _ in range(self.rows)]

    ACTIONS = {
        "A": lambda s, n, a, b: s._move(0, -n), "B": lambda s, n, a, b: s._move(0, n),
        "e": lambda s, n, a, b: s._move(0, n), "C": lambda s, n, a, b: s._move(n, 0),
        "a": lambda s, n, a, b: s._move(n, 0), "D": lambda s, n, a, b: s._move(-n, 0),
        "E": lambda s, n, a, b: s._move(-s.cols, n), "F": lambda s, n, a, b: s._move(-s.cols, -n),
        "G": lambda s, n, a, b: s._column(n - 1), "`": lambda s, n, a, b: s._column(n - 1),
        "d": lambda s, n, a, b: s._goto(s.x, n - 1),
        "H": lambda s, n, a, b: s._goto(max(1, a[1] if len(a) > 1 else 1) - 1, n - 1),
        "f": lambda s, n, a, b: s._goto(max(1, a[1] if len(a) > 1 else 1) - 1, n - 1),
        "J": _erase_display, "K": _erase_line, "L": _insert_lines, "M": _delete_lines,
        "P": _delete_chars, "@": _insert_chars, "X": _erase_chars, "b": _repeat, "r": _region,
        "S": lambda s, n, a, b: s._scroll_up(n), "T": lambda s, n, a, b: s._scroll_down(n, s.top),
        "h": lambda s, n, a, b: s._set_mode(True, a), "l": lambda s, n, a, b: s._set_mode(False, a),
        "s": _save, "u": lambda s, n, a, b: s._restore(), "m": _attributes,
        "c": lambda s, n, a, b: None, "n": lambda s, n, a, b: None, "t": lambda s, n, a, b: s._title_stack(n),
        "g": lambda s, n, a, b: None, "i": lambda s, n, a, b: None,
    }

    def _move(self, dx, dy):
        self.x = max(0, min(self.cols - 1, self.x + dx))
        low, high = 0, self.rows - 1
        if self.top <= self.y <= self.bottom:
            low, high = self.top, self.bottom
        self.y = max(low, min(high, self.y + dy))
        self.wrap_pending = False

    def _column(self, x):
        self.x, self.wrap_pending = max(0, min(self.cols - 1, x)), False
