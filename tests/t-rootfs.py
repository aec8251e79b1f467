#!/usr/bin/env python3
"""cwsandbox-local with other user lands: root folders, exported images, hostile tarballs"""
import functools
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import suite
from world import WorldCase, program, read

PROGRAMS = ["sh", "cat", "ls", "id", "sleep", "touch", "rm", "mkdir", "head", "stat", "readlink"]


@functools.lru_cache()
def libraries():
    listed = subprocess.run(["ldd"] + [shutil.which(name) for name in PROGRAMS], stdout=subprocess.PIPE, check=True)
    return set(re.findall(r"(/\S+) \(0x", listed.stdout.decode()))


def build_root(folder, mark):
    """A small user land of this machine's own programs; `mark` tells it apart."""
    os.makedirs(os.path.join(folder, "usr/bin"))
    for sub in ("etc", "opt", "root", "var/lib", "tmp"):
        os.makedirs(os.path.join(folder, sub))
    os.symlink("usr/bin", os.path.join(folder, "bin"))
    for name in PROGRAMS:
        shutil.copy(shutil.which(name), os.path.join(folder, "usr/bin", name))
    for path in libraries():
        os.makedirs(folder + os.path.dirname(path), exist_ok=True)
        shutil.copy(path, folder + path)
    for name, text in (("etc/mark", mark), ("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"), ("opt/file", "as it was")):
        with open(os.path.join(folder, name), "w") as f:
            f.write(text)
    return folder


def entry(name, kind=tarfile.REGTYPE, data=b"", link="", mode=0o644):
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname, info.mode = kind, len(data), link, mode
    return info, data


def tarball(path, folder=None, entries=(), prefix="."):
    with tarfile.open(path, "w:gz" if path.endswith("gz") else "w") as tar:
        if folder:
            tar.add(folder, prefix)
        for info, data in entries:
            tar.addfile(info, io.BytesIO(data))
    return path


class Images(WorldCase):
    def serve(self, *args):
        w = self.world
        self.service = w.use(w.local("--isolation", "bwrap", *args))
        w.daemon()
        return self.service

    def sh(self, sandbox, line):
        done = self.world.cli("exec", sandbox, "sh", "-c", line)
        return done.stdout.decode() + done.stderr.decode()

    def refused(self, *args):
        done = self.world.run([program("cwsandbox-local"), "--state-dir", self.world.path("refused")] + list(args))
        self.assertNotEqual(done.returncode, 0)
        return done.stderr.decode()

    def test_the_spec_s_image_chooses_among_folders_tarballs_and_the_machine(self):
        w = self.world
        folder = build_root(w.path("folder"), "from a folder")
        packed = tarball(w.path("image.tar.gz"), build_root(w.path("packed"), "from a tarball"))
        self.serve("--rootfs", "debian:12=" + folder, "--rootfs", "alpine:latest=" + packed)
        for image, mark in (("debian:12", "from a folder"), ("alpine", "from a tarball"), ("alpine:latest", "from a tarball")):
            self.assertEqual(self.sh(w.ok("create", "--image", image), "cat /etc/mark"), mark, image)
        self.assertIn("No such file", self.sh(w.ok("create", "--image", "other"), "cat /etc/mark"))

    def test_what_a_sandbox_writes_is_its_own_and_the_image_stays_as_it_was(self):
        w = self.world
        folder = build_root(w.path("folder"), "mark")
        packed = tarball(w.path("image.tar"), folder)
        self.serve("--rootfs", packed)
        one, two = w.ok("create"), w.ok("create")
        if "read-only in sandboxes here" not in w.errors(self.service.process):
            self.assertEqual(self.sh(one, "echo new >/opt/file; rm /etc/mark; mkdir /usr/local; touch /usr/local/x /new"), "")
            self.assertEqual(self.sh(one, "cat /opt/file; ls /etc/mark /usr/local").split()[0], "new")
        self.assertEqual(self.sh(one, "echo mine >/root/f; echo mine >/tmp/f; cat /root/f /tmp/f"), "mine\nmine\n")
        self.assertEqual(self.sh(two, "cat /opt/file /etc/mark; ls /root /tmp /new 2>/dev/null"), "as it wasmark/root:\n\n/tmp:\n")

    def test_a_sandbox_of_an_image_is_root_without_rights_in_its_own_namespaces(self):
        w = self.world
        self.serve("--rootfs", build_root(w.path("folder"), "mark"))
        box = w.ok("create")
        self.assertEqual(self.sh(box, "id -u"), "0\n")
        self.assertIn("CapEff:\t0000000000000000", self.sh(box, "cat /proc/self/status"))
        self.assertIn(box[:8], self.sh(box, "cat /etc/hostname /etc/hosts"))
        w.write("secret", "x")
        self.assertIn("No such file", self.sh(box, "cat " + w.path("secret")))
        self.assertNotIn("state-dir", self.sh(box, "cat /proc/[0-9]*/cmdline"))

    def test_a_volume_is_mounted_also_where_the_image_has_a_link_out(self):
        w = self.world
        folder = build_root(w.path("folder"), "mark")
        os.mkdir(w.path("outside"))
        os.symlink(w.path("outside"), os.path.join(folder, "data"))
        os.symlink("/oldroot" + w.path("outside"), os.path.join(folder, "srv"))
        self.serve("--rootfs", folder)
        for path in ("/data/a", "/srv/b"):
            box = w.ok("create", "--scratch", "v:" + path)
            self.assertEqual(self.sh(box, "echo x >%s/f; cat %s/f" % (path, path)), "x\n")
        self.assertEqual(os.listdir(w.path("outside")), [])

    def test_a_tarball_reaches_nothing_outside_and_brings_no_devices(self):
        w = self.world
        victim = w.write("victim", "untouched")
        folder = build_root(w.path("folder"), "mark")
        hostile = tarball(w.path("hostile.tar"), folder, [
            entry("etc/absolute", tarfile.SYMTYPE, link=victim), entry("dev/sda", tarfile.BLKTYPE),
            entry("dev/fifo", tarfile.FIFOTYPE), entry("/etc/rooted", data=b"inside"),
            entry("opt/file", data=b"replaced"), entry("usr/bin/setuid", data=b"x", mode=0o4755),
            entry("etc/n\u00e4me", data=b"x")])
        self.serve("--rootfs", hostile)
        box = w.ok("create")
        self.assertIn("No such file", self.sh(box, "cat /etc/absolute"))
        self.assertIn("No such file", self.sh(box, "ls /dev/sda"))
        self.assertEqual(self.sh(box, "cat /etc/rooted /opt/file; ls /etc/n\u00e4me; stat -c %a /usr/bin/setuid"),
                         "insidereplaced/etc/n\u00e4me\n755\n")
        for name, entries in (("up", [entry("../victim", data=b"x")]), ("upper", [entry("a/../../victim", data=b"x")]),
                              ("link", [entry("out", tarfile.SYMTYPE, link=self.world.dir), entry("out/victim", data=b"x")]),
                              ("hard", [entry("h", tarfile.LNKTYPE, link="../victim")]),
                              ("cut", [])):
            bad = tarball(w.path(name + ".tar"), folder, entries)
            if name == "cut":
                os.truncate(bad, 100_000)
            self.assertIn("cannot unpack", self.refused("--rootfs", bad), name)
            self.assertEqual(read(victim), "untouched", name)
            self.assertEqual(os.listdir(w.path("refused", "rootfs")), [], name)

    def test_what_is_no_root_folder_is_refused_with_what_to_do(self):
        w = self.world
        os.mkdir(w.path("empty"))
        self.assertIn("debootstrap makes one", self.refused("--rootfs", w.path("empty")))
        self.assertIn("No such file", self.refused("--rootfs", w.path("nowhere")))
        self.assertIn("docker export", self.refused("--rootfs", w.write("text", "x" * 1000)))
        saved = tarball(w.path("saved.tar"), None, [entry("manifest.json", data=b"[]"), entry("l/layer.tar", data=b"x")])
        self.assertIn("it is a saved image", self.refused("--rootfs", saved))
        self.assertIn("takes [IMAGE=]DIR", self.refused("--rootfs", "image="))
        self.assertIn("needs the walls", self.refused("--isolation", "none", "--rootfs", w.path("empty")))

    def test_a_tarball_is_unpacked_once_and_again_when_it_changed(self):
        w = self.world
        packed = tarball(w.path("image.tar"), build_root(w.path("folder"), "first"))
        said = []
        for mark in ("first", None, "second"):
            if mark == "second":
                with open(w.path("folder", "etc/mark"), "w") as f:
                    f.write("second time")
                tarball(packed, w.path("folder"))
            service = w.local("--isolation", "bwrap", "--rootfs", packed)
            said.append("unpacking" in w.errors(service.process))
            self.assertEqual(len(os.listdir(os.path.join(service.state_dir, "rootfs"))), 1)
            service.process.terminate()
            service.process.wait()
        self.assertEqual(said, [True, False, True])


if __name__ == "__main__":
    suite.main()
