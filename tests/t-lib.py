#!/usr/bin/env python3
"""The helpers of the other tests, tried on programs that are known to be right"""
import os
import shutil
import socket
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import mpack
import suite
import world
from screen import Screen
from terminal import Terminal, close_all, until

ENV = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "TERM": "xterm-256color", "LANG": "C.UTF-8", "PS1": "ready> ",
       "HOME": "/nonexistent"}


class TerminalDriver(unittest.TestCase):
    def tearDown(self):
        close_all()

    def test_a_shell_is_seen_typed_to_resized_and_ends_with_its_code(self):
        t = Terminal(["/bin/sh"], env=ENV, cols=40, rows=10).see("ready>")
        t.type("echo $((40+2))\r").see_line("42").see_line("ready>")
        t.resize(61, 17)
        t.type("stty size\r").see_line("17 61")
        t.type("exit 7\r")
        self.assertEqual(t.exit_code(), 7)
        self.assertEqual(t.harm(), [])

    def test_a_program_that_leaves_the_terminal_raw_is_told_from_one_that_does_not(self):
        t = Terminal(["/bin/sh", "-c", "stty raw -echo; printf '\\033[?1049h\\033[?25l\\033[?1002h\\033[31m'"], env=ENV)
        t.exit_code()
        harm = t.harm()
        for word in ("terminal settings not restored", "alternate screen", "no visible cursor", "mouse drag"):
            self.assertIn(word, harm)

    def test_queries_that_reach_a_terminal_are_noticed(self):
        for query in ("\\033[c", "\\033[>c", "\\033[6n", "\\033[>q", "\\033]11;?\\007", "\\033[?2026$p"):
            t = Terminal(["/bin/sh", "-c", "printf '%s'" % query], env=ENV)
            t.exit_code()
            self.assertTrue(any("queries" in h for h in t.harm()), query)

    @unittest.skipUnless(shutil.which("vim.tiny") or shutil.which("vim"), "no vim here")
    def test_vim_is_read_and_leaves_no_trace(self):
        vim = shutil.which("vim.tiny") or shutil.which("vim")
        t = Terminal([vim, "-u", "NONE", "-i", "NONE", "-n", "-c", "set t_RV= t_u7= t_RB= t_RF="], env=ENV)
        until(lambda: t.screen.alternate, "the alternate screen")
        t.type("ihello, world\x1b")
        until(lambda: t.screen.line(0) == "hello, world", "the text in vim")
        t.type(":q!\r")
        self.assertEqual(t.exit_code(), 0)
        self.assertEqual([h for h in t.harm() if "quer" not in h], [])

    def test_a_stalled_terminal_holds_its_program_back_until_it_reads_again(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)  # after tearDown, which ends what writes there
        count = os.path.join(folder.name, "count")
        t = Terminal(["/bin/sh", "-c", "i=0; while :; do printf %01000d 0; i=$((i+1)); echo $i >$0; done", count],
                     env=ENV)
        until(lambda: os.path.exists(count), "the first line")
        t.reading = False
        seen = []

        def settled():
            seen.append(world.read(count))
            return len(seen) > 10 and len(set(seen[-10:])) == 1
        until(settled, "the program to stand still")
        t.reading = True
        until(lambda: world.read(count) not in seen, "the program to go on")


class ScreenReader(unittest.TestCase):
    def shown(self, data, cols=10, rows=3):
        s = Screen(cols, rows)
        s.feed(data)
        return s

    def test_text_wraps_scrolls_and_is_kept_above(self):
        s = self.shown(b"0123456789ab\r\n1\r\n2")
        self.assertEqual(s.lines(), ["ab", "1", "2"])
        self.assertEqual(s.scrollback, ["0123456789"])

    def test_a_full_line_and_a_newline_make_no_empty_line(self):
        self.assertEqual(self.shown(b"0123456789\r\nx").lines(), ["0123456789", "x", ""])

    def test_cursor_erase_insert_and_delete_do_what_the_standard_says(self):
        self.assertEqual(self.shown(b"abcdef\x1b[1;3H\x1b[2P\x1b[@_").line(0), "ab_ef")
        self.assertEqual(self.shown(b"a\r\nb\r\nc\x1b[1;1H\x1b[L*").lines(), ["*", "a", "b"])
        self.assertEqual(self.shown(b"a\r\nb\r\nc\x1b[2;1H\x1b[M").lines(), ["a", "c", ""])
        self.assertEqual(self.shown(b"abc\x1b[1;2H\x1b[K").line(0), "a")
        self.assertEqual(self.shown(b"abc\x1b[2J").text(), "")

    def test_wide_and_combining_characters_take_their_cells(self):
        s = self.shown("\u6f22e\u0301x".encode())
        self.assertEqual(s.line(0), "\u6f22e\u0301x")
        self.assertEqual(s.x, 4)

    def test_sequences_cut_anywhere_give_the_same_screen(self):
        data = "\x1b]0;t\x07a\x1b[31mb\x1b[1;5H\u00e9\x1b[?1049h\x1b[2;2Hz\x1b[?1049l!".encode()
        whole = self.shown(data)
        for cut in range(len(data)):
            s = self.shown(data[:cut])
            s.feed(data[cut:])
            self.assertEqual((s.lines(), s.x, s.y, s.leftovers()), (whole.lines(), whole.x, whole.y, whole.leftovers()))


class Mpack(unittest.TestCase):
    def test_every_form_survives_the_way_there_and_back(self):
        values = [None, True, False, 0, 127, 128, 255, 256, 65536, 1 << 32, (1 << 64) - 1, -1, -32, -33, -129, -(1 << 63),
                  1.5, "", "x" * 31, "x" * 32, "\u00e9" * 300, b"", b"\0\xff" * 200, b"z" * 70000, [], list(range(20)),
                  {}, {"a": [1, {"b": b"c"}]}, {str(i): i for i in range(40)}]
        for value in values:
            self.assertEqual(mpack.Unpacker(mpack.pack(value)).next(), value)

    def test_a_frame_in_pieces_is_short_until_its_last_byte(self):
        data = mpack.pack([0, 7, "hello", [{"min": 1, "data": b"x" * 300}]])
        u = mpack.Unpacker()
        for byte in data[:-1]:
            u.feed(bytes([byte]))
            self.assertRaises(mpack.Short, u.next)
        u.feed(data[-1:])
        self.assertEqual(u.next()[1], 7)

    def test_answers_and_notifications_are_told_apart(self):
        ours, theirs = socket.socketpair(socket.AF_UNIX)
        peer = mpack.Peer.__new__(mpack.Peer)
        peer.sock, peer.unpacker, peer.notes, peer.answers, peer.id = (
            ours, mpack.Unpacker(), __import__("collections").deque(), {}, 0)

        def serve():
            theirs.recv(65536)
            theirs.sendall(mpack.pack([2, "output", [{"data": b"x"}]]) + mpack.pack([1, 1, None, {"ok": True}]))
        thread = threading.Thread(target=serve)
        thread.start()
        self.assertEqual(peer.call("anything"), {"ok": True})
        self.assertEqual(peer.note("output"), ("output", {"data": b"x"}))
        thread.join()
        ours.close()
        theirs.close()


if __name__ == "__main__":
    suite.main()
