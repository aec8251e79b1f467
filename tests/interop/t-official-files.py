"""Files through the official client: every size at which its path changes, names, reasons, by both data planes"""
import hashlib
import os

import services  # first: it finds the other helpers
import suite
from services import PLANES, over_every_service

CAP = 32 << 20  # bytes of one ReadFile or WriteFile; above it the SDK streams by exec
AUTO_MAX = 256 << 20  # bytes; above it the SDK refuses and names its streaming calls


def sized(n):
    """n bytes with a period that no buffer on the way is a multiple of."""
    return (b"%0251d" % n * (n // 251 + 1))[:n]


class Folder:
    """A folder in a sandbox, and files of any size in it."""

    @classmethod
    def begin(cls):
        cls.id = cls.create()
        code, out, err = cls.shell("mktemp -d")
        assert code == 0, err
        cls.folder = out.decode().strip()

    def refused(self, line):
        """Reason and class of what a line raises."""
        return self.inside("try:\n %s\nexcept cwsandbox.CWSandboxError as e:\n"
                           " print(getattr(e, 'reason', None), type(e).__name__)" % line)[-1]

    def round_trip(self, *sizes):
        """Files of those sizes are written, summed inside and read back."""
        out = self.inside("""
import hashlib
for n in %r:
    d, path = (b'%%0251d' %% n * (n // 251 + 1))[:n], '%s/size-%%d' %% n
    s.write_file(path, d).result()
    inside = s.exec(['sha256sum', path]).result().stdout.split()[0]
    print(n, inside, hashlib.sha256(s.read_file(path).result()).hexdigest())
    s.exec(['rm', path]).result()
""" % (sizes, self.folder))
        sums = [hashlib.sha256(sized(n)).hexdigest() for n in sizes]
        self.assertEqual(out, ["%d %s %s" % (n, total, total) for n, total in zip(sizes, sums)])


@over_every_service(planes=PLANES)
class Files(Folder):
    # ---- sizes ----

    def test_a_file_of_no_bytes(self):
        self.round_trip(0)

    def test_files_of_1_byte_and_around_each_size_of_a_frame(self):
        self.round_trip(1, 16383, 16384, 16385, 65535, 65536, 65537, (1 << 20) - 1, 1 << 20, (4 << 20) + 1)

    def test_a_file_one_byte_below_the_cap_one_of_it_and_one_above_it(self):
        if self.plane == "direct":
            return self.round_trip(CAP, CAP + 1)  # beyond a byte more or less the ways are the same
        return self.round_trip(CAP - 1, CAP, CAP + 1)

    def test_a_file_above_256_mib_is_refused_with_its_size_and_the_cap(self):
        path = self.folder + "/huge"
        self.assertEqual(self.shell("truncate -s %d %s" % (AUTO_MAX + 1, path))[0], 0)
        out = self.inside("try:\n s.read_file(%r).result()\nexcept cwsandbox.SandboxFileError as e:\n"
                          " print(e.reason, e.metadata['size_bytes'], e.metadata['max_size_bytes'])" % path)
        self.assertEqual(out, ["CWSANDBOX_FILE_TOO_LARGE %d %d" % (AUTO_MAX + 1, CAP)])

    def test_more_than_256_mib_are_not_written_in_one_go(self):
        self.assertEqual(self.refused("s.write_file('/tmp/x', bytes(%d)).result()" % (AUTO_MAX + 1)),
                         "CWSANDBOX_FILE_TOO_LARGE SandboxFileError")

    def test_a_file_is_written_and_read_by_streams(self):
        path = self.folder + "/streamed"
        out = self.inside(
            "import hashlib\nd = bytes(range(251)) * 40000\ns.write_file_streaming(%r, (d[i:i+99999] for i in range(0, len(d), "
            "99999))).result()\nh = hashlib.sha256()\nfor piece in s.read_file_streaming(%r): h.update(piece)\n"
            "print(h.digest() == hashlib.sha256(d).digest())" % (path, path))
        self.assertEqual(out, ["True"])

    # ---- content ----

    def test_a_shorter_file_leaves_nothing_of_the_longer_one(self):
        path = self.folder + "/again"
        self.assertEqual(self.inside("s.write_file(%r, b'long' * 1000).result()\ns.write_file(%r, b'short').result()\n"
                                     "print(s.read_file(%r).result())" % (path, path, path)), [repr(b"short")])

    def test_what_a_command_wrote_is_read_and_what_was_written_a_command_reads(self):
        path = self.folder + "/shared"
        self.shell("printf 'by a command' >%s" % path)
        self.assertEqual(self.inside("print(s.read_file(%r).result().decode())" % path), ["by a command"])
        self.inside("s.write_file(%r, b'by the SDK').result()" % path)
        self.assertEqual(self.shell("cat %s && echo ' and more' >>%s && cat %s" % (path, path, path))[:2],
                         (0, b"by the SDKby the SDK and more\n"))

    def test_a_link_is_followed_to_its_file(self):
        self.shell("cd %s && echo linked >target && ln -s target link" % self.folder)
        self.assertEqual(self.inside("print(s.read_file(%r).result().decode())" % (self.folder + "/link"))[0], "linked")

    def test_a_file_that_says_it_is_empty_and_is_not(self):
        self.assertTrue(self.inside("print(s.read_file('/proc/version').result().decode())")[0].startswith("Linux"))

    def test_twenty_files_at_once(self):
        self.assertEqual(self.inside(
            "paths = ['%s/many-%%d' %% i for i in range(20)]\n"
            "[w.result() for w in [s.write_file(p, p.encode() * 5000) for p in paths]]\n"
            "print([r.result() for r in [s.read_file(p) for p in paths]] == [p.encode() * 5000 for p in paths])"
            % self.folder), ["True"])

    def test_names_with_blanks_quotes_newlines_and_other_alphabets(self):
        names = ("a b", "it's", 'a"b', "two\nlines", "日本", "-rf", "$HOME", "a;b", "*", "\x01\x1b[31m")
        out = self.inside("for p in %r:\n s.write_file(p, p.encode()).result()\n"
                          " print(s.read_file(p).result() == p.encode())" % ([self.folder + "/" + n for n in names],))
        self.assertEqual(out, ["True"] * len(names))

    # ---- reasons ----

    def test_a_missing_file_is_not_found(self):
        self.assertEqual(self.refused("s.read_file(%r).result()" % (self.folder + "/none")),
                         "CWSANDBOX_FILE_NOT_FOUND SandboxFileError")

    def test_a_missing_folder_above_is_not_found_and_not_made(self):
        path = self.folder + "/no/such/folder"
        self.assertEqual(self.refused("s.write_file(%r, b'x').result()" % path),
                         "CWSANDBOX_FILE_NOT_FOUND SandboxFileError")
        self.assertNotEqual(self.shell("test -e %s/no" % self.folder)[0], 0)

    def test_a_file_in_the_place_of_a_folder_is_not_found(self):
        self.shell("touch %s/plain" % self.folder)
        self.assertEqual(self.refused("s.read_file(%r).result()" % (self.folder + "/plain/x")),
                         "CWSANDBOX_FILE_NOT_FOUND SandboxFileError")

    def test_a_folder_is_neither_read_nor_written(self):
        for line in ("s.read_file(%r).result()", "s.write_file(%r, b'x').result()"):
            self.assertEqual(self.refused(line % self.folder), "CWSANDBOX_FILE_IS_DIRECTORY SandboxFileError")

    def test_a_pipe_or_device_is_refused_and_not_waited_for(self):
        self.shell("mkfifo %s/fifo" % self.folder)
        for path in (self.folder + "/fifo", "/dev/null"):
            for line in ("s.read_file(%r).result()", "s.write_file(%r, b'x').result()"):
                self.assertEqual(self.refused(line % path), "CWSANDBOX_FILE_IO_FAILED SandboxFileError")

    def test_a_name_that_is_too_long_is_refused(self):
        self.assertEqual(self.refused("s.read_file('/tmp/' + 'x' * 300).result()"),
                         "CWSANDBOX_FILE_IO_FAILED SandboxFileError")

    def test_an_empty_path_is_refused_by_field(self):
        self.assertIn("SandboxValidationError", self.refused("s.read_file('').result()"))

    def test_a_file_in_a_container_that_is_not_there_is_refused_by_field(self):
        for line in ("s.read_file('/etc/hostname', container='no').result()",
                     "s.write_file('/tmp/x', b'', container='no').result()"):
            self.assertIn("SandboxValidationError", self.refused(line))

    # ---- the command line ----

    def test_the_command_line_writes_and_reads(self):
        data = os.urandom(70000)
        path = self.world.write("upload", data)
        said = self.official_ok(*self.planed("files", "write"), self.folder + "/cli", path)
        self.assertEqual(said.decode(), "Wrote 70000 bytes to %s/cli.\n" % self.folder)
        self.assertEqual(self.official_ok(*self.planed("files", "write"), self.folder + "/cli", path, "-q"), b"")
        self.assertEqual(self.official_ok(*self.planed("files", "read"), self.folder + "/cli"), data)
        self.official_ok(*self.planed("files", "read"), self.folder + "/cli", "-o", path + ".back")
        with open(path + ".back", "rb") as f:
            self.assertEqual(f.read(), data)

    def test_the_command_line_says_the_reason(self):
        code, out, err = self.official(*self.planed("files", "read"), self.folder + "/none")
        self.assertEqual((code, out), (1, b""))
        self.assertTrue(err.startswith(b"Error: File operation failed (CWSANDBOX_FILE_NOT_FOUND): "), err)


if os.environ.get("CWSANDBOX_TEST_LARGE"):  # `make proof-files`: a gigabyte of memory for a minute
    @over_every_service(planes=PLANES)
    class Large(Folder):
        def test_a_file_of_256_mib_goes_by_exec(self):
            self.round_trip(AUTO_MAX)

        def test_a_file_above_256_mib_goes_by_streams(self):
            path, n = self.folder + "/large", AUTO_MAX + 1
            out = self.inside(
                "import hashlib\nd = bytes(range(251)) * 1000\nn, h, g, left = 0, hashlib.sha256(), hashlib.sha256(), %d\n"
                "def pieces():\n global left\n while left:\n  p = d[:left]\n  left -= len(p)\n  h.update(p)\n  yield p\n"
                "s.write_file_streaming(%r, pieces()).result()\n"
                "for p in s.read_file_streaming(%r):\n n += len(p)\n g.update(p)\n"
                "print(n, g.digest() == h.digest())" % (n, path, path))
            self.assertEqual(out, ["%d True" % n])


if __name__ == "__main__":
    suite.main()
