#!/usr/bin/env python3
"""libcwsandbox as programs meet it: what it exports and needs, C and C++, and the examples on a real session"""
import os
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import suite
from sessions import SessionCase
from world import BUILD, SOURCE

LIBRARY = os.path.join(BUILD, ".libs", "libcwsandbox.so")


def tool(name):
    path = shutil.which(name)
    if not path:
        raise unittest.SkipTest("no %s here" % name)
    return path


def read(argv):
    return subprocess.run(argv, stdout=subprocess.PIPE, check=True, text=True).stdout


class Shape(unittest.TestCase):
    def setUp(self):
        if not os.path.exists(LIBRARY):
            self.skipTest("no shared library was built")

    def test_it_needs_msgpack_and_libc_and_nothing_of_the_daemons(self):
        needed = re.findall(r"\(NEEDED\).*\[(.*)\]", read([tool("readelf"), "-d", LIBRARY]))
        ours = [re.sub(r"\.so.*", "", n) for n in needed]
        ours = {n for n in ours if not re.match(r"lib(asan|ubsan|clang_rt.*|gcc_s|m|dl|rt|pthread|resolv)$", n)}
        self.assertIn(ours, ({"libmsgpackc", "libc"}, {"libmsgpack-c", "libc"}))
        everything = read([tool("ldd"), LIBRARY])
        for other in ("libevent", "libssl", "libcrypto", "libsystemd", "libnghttp2", "libprotobuf", "libinih"):
            self.assertNotIn(other, everything)

    def test_it_exports_its_own_names_with_versions_and_no_others(self):
        names = [line.split()[-1] for line in read([tool("nm"), "-D", "--defined-only", LIBRARY]).splitlines()]
        functions = [n for n in names if n != "CWSANDBOX_0"]
        self.assertGreater(len(functions), 30)
        for name in functions:
            if not name.startswith("__"):  # of a sanitizer
                self.assertRegex(name, r"^cwsandbox_\w+@@CWSANDBOX_0$")

    def test_every_function_of_the_header_is_exported_and_the_other_way_round(self):
        with open(os.path.join(SOURCE, "client", "cwsandbox.h")) as f:
            text = re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S)
        declared = set(re.findall(r"\b(cwsandbox_\w+)\(", text))
        exported = {n.split("@")[0].split()[-1] for n in read([tool("nm"), "-D", "--defined-only", LIBRARY]).splitlines()
                    if " cwsandbox_" in n}
        self.assertEqual(declared, exported)

    def test_every_function_of_the_header_is_in_the_manual_page_with_its_prototype(self):
        def words(text):
            return " ".join(re.sub(r"([*(,;)])", r" \1 ", text).split())
        with open(os.path.join(SOURCE, "client", "cwsandbox.h")) as f:
            header = re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S)
        with open(os.path.join(SOURCE, "man", "libcwsandbox.3")) as f:
            page = f.read().replace("\\-", "-")
        in_header = re.findall(r"^((?:[a-z_]+[ *]+)+cwsandbox_[a-z_]+\([^;]*\);)", header, re.M)
        in_page = re.findall(r'^\.B "((?:[a-z_]+[ *]+)+cwsandbox_[a-z_]+\(.*)"$', page, re.M)
        self.assertGreater(len(in_header), 30)
        self.assertEqual(sorted(map(words, in_header)), sorted(map(words, in_page)))

    def test_it_neither_prints_nor_exits(self):
        wanted = read([tool("nm"), "-D", "--undefined-only", LIBRARY])
        for name in ("printf", "puts", "fputs", "perror", "exit", "abort", "stdout", "stderr"):
            self.assertIsNone(re.search(r"\b%s(@|$)" % name, wanted, re.M), name)


class Header(unittest.TestCase):
    def compiles(self, compiler, *options):
        code = '#include "cwsandbox.h"\nint main(void) { return cwsandbox_version() == 0; }\n'
        done = subprocess.run([tool(compiler), *options, "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only",
                               "-I", os.path.join(SOURCE, "client"), "-"], input=code, text=True, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_it_is_c11_and_needs_no_other_header(self):
        self.compiles(os.environ.get("CC", "cc").split()[-1], "-x", "c", "-std=c11")

    def test_it_is_cpp11(self):
        self.compiles("c++", "-x", "c++", "-std=c++11")


class Examples(SessionCase):
    def example(self, name):
        path = os.path.join(BUILD, "contrib", "examples", name)
        if not os.path.exists(path):
            self.skipTest("%s is not built" % path)
        return path

    def run_example(self, name, *args):
        done = self.world.run([self.example(name), self.sandbox] + list(args))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout.decode()

    def test_without_their_arguments_they_say_what_they_need(self):
        for name in ("close-stdin", "exec", "lossless", "shell", "vim"):
            for args in ([], ["a", "b", "c"]):
                with self.subTest(name, args=args):
                    done = self.world.run([self.example(name)] + args)
                    self.assertEqual(done.returncode, 2)
                    self.assertRegex(done.stderr.decode(), r"\Ausage: %s SANDBOX( FILE)?\n\Z" % name)

    def test_a_shell_with_a_size_lines_resize_and_exit(self):
        out = self.run_example("shell")
        for words in ("command: /bin/sh", "the size we gave it", "and the new one", "exit code 3"):
            self.assertIn(words, out)

    def test_a_shell_ends_when_its_input_is_closed(self):
        out = self.run_example("close-stdin")
        self.assertIn("last words", out)
        self.assertIn("returned 0", out)

    def test_a_command_a_script_and_cat_with_stdin(self):
        self.assertEqual(self.run_example("exec"),
                         "hello from a command\nline 1\nline 2\nline 3\nthrough cat and back\n")

    def test_vim_in_raw_mode(self):
        if self.world.cli("exec", self.sandbox, "--", "sh", "-c", "command -v vim.tiny || command -v vim").returncode:
            self.skipTest("the sandbox has no vim")
        self.run_example("vim", "/tmp/by-vim")
        self.assertEqual(self.world.ok("exec", self.sandbox, "cat", "/tmp/by-vim"), "hello from vim")

    def test_a_reader_that_stops_is_told_and_comes_back_for_every_byte(self):
        self.assertIn("3000000 bytes in all, none lost", self.run_example("lossless"))


if __name__ == "__main__":
    suite.main()
