"""services - the same tests over every service: ours by TLS or in clear text, and the independent one

A test that the independent service passes is right about the official client; when ours fails it, ours is wrong.
"""
import itertools
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))

import procs  # noqa: E402
from official import Official  # noqa: E402
from terminal import LIMIT, until  # noqa: E402
from world import SharedWorldCase, read  # noqa: E402

OFFICIAL = os.path.join(os.path.dirname(sys.executable), "cwsandbox")
PINNED = "1.22.0"

try:
    import cwsandbox
    import grpc_service
    MISSING = None if os.path.exists(OFFICIAL) else "no official command line beside " + sys.executable
except ImportError as err:
    MISSING = "the official client is not installed (%s): run './quickstart check'" % err


def local_tls(world):
    return world.local()


def local_plain(world):
    return world.local(plaintext=True)


def independent(world):
    return grpc_service.GrpcService(world.dir, tls=True)


EVERY = {"LocalTls": local_tls, "LocalPlain": local_plain, "Independent": independent}
BOTH = ("LocalTls", "Independent")
PLANES = ("gateway", "direct")
CHOSEN = os.environ.get("CWSANDBOX_TEST_SERVICES", "").split()


class ServiceCase(SharedWorldCase):
    """One class of tests against one running service, with the official command line and SDK at hand."""

    make_service = None
    kind = ""
    plane = "auto"  # the data plane its commands, logs and files go by
    patience = LIMIT  # seconds for what a check waits for

    @classmethod
    def setUpClass(cls):
        if MISSING:
            raise unittest.SkipTest(MISSING)
        super().setUpClass()

    @classmethod
    def prepare(cls):
        cls.service = cls.make_service(cls.world)
        cls.world.env.update(environment(cls.service))
        cls.begin()

    @classmethod
    def begin(cls):
        pass

    @classmethod
    def tearDownClass(cls):
        if hasattr(cls.service, "stop"):
            cls.service.stop()
        super().tearDownClass()

    # ---- the official client ----

    client = None  # one for all classes of a file

    @classmethod
    def _client(cls):
        if not ServiceCase.client:
            ServiceCase.client = Official({k: v for k, v in os.environ.items() if not k.startswith("CWSANDBOX")})
            procs.spared.add(ServiceCase.client.process.pid)
        return ServiceCase.client

    @classmethod
    def official(cls, *args, env=None, **kwargs):
        """The official command line; returns (code, stdout, stderr), both bytes."""
        return cls._client().run(args, env=dict(cls.world.env, **(env or {})), cwd=cls.world.dir,
                                 limit=3 * cls.patience, **kwargs)

    @classmethod
    def official_ok(cls, *args, **kwargs):
        code, out, err = cls.official(*args, **kwargs)
        assert code == 0, "cwsandbox %s: exit %d: %s" % (" ".join(args), code, err.decode("utf-8", "replace"))
        return out

    @classmethod
    def sdk(cls, program, env=None, code=0, **kwargs):
        """A program for the official SDK, that must end with `code`; what it prints, as text."""
        ended, out, err = cls._client().program(program, env=dict(cls.world.env, **(env or {})), cwd=cls.world.dir,
                                                limit=3 * cls.patience, **kwargs)
        assert ended == code, "exit %d: %s" % (ended, err.decode("utf-8", "replace"))
        return out.decode("utf-8", "replace").strip()

    @classmethod
    def create(cls, *command, **options):
        """A running sandbox made by the official SDK; its id."""
        command = command or ("sleep", "infinity")
        return cls.sdk("s = cwsandbox.Sandbox.run(*%r, container_image='python:3.11', **%r)\n"
                       "s.wait(60)\nprint(s.sandbox_id)" % (command, options)).splitlines()[-1]

    # ---- the same on a sandbox, by the data plane of the class ----

    @classmethod
    def planed(cls, *words, box=None):
        """A command line with its plane and sandbox: the words up to "--", then those, then the rest."""
        cut = words.index("--") if "--" in words else len(words)
        return words[:cut] + ("--data-plane-mode", cls.plane, box or cls.id) + words[cut:]

    @classmethod
    def shell(cls, line, box=None, **kwargs):
        """What a shell line in the sandbox ends with, says and complains about, by the official `exec`."""
        return cls.official(*cls.planed("exec", "--", "sh", "-c", line, box=box), **kwargs)

    @classmethod
    def inside(cls, body, box=None, **kwargs):
        """The lines a program of the SDK prints that has the sandbox as `s`."""
        return cls.sdk("s = cwsandbox.Sandbox.from_id(%r, data_plane_mode=%r).result()\n%s" % (
            box or cls.id, cls.plane, body), **kwargs).splitlines()

    @classmethod
    def count(cls, program, box=None):
        """How many processes with that command line the sandbox sees."""
        # the last letter is in brackets, so that the shell which counts does not count itself
        line = ("n=0; for f in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$f 2>/dev/null | grep -qx '%s[%s] ' "
                "&& n=$((n+1)); done; echo $n" % (program[:-1], program[-1]))
        code, out, err = cls.official("exec", box or cls.id, "--", "sh", "-c", line)
        assert code == 0, err
        return int(out)

    @classmethod
    def gone(cls, program, box=None):
        until(lambda: not cls.count(program, box), "the end of " + program, cls.patience)


def environment(service):
    env = {"CWSANDBOX_BASE_URL": service.url, "CWSANDBOX_API_KEY": service.key}
    if service.ca_file:
        env["CWSANDBOX_CA_FILE"] = env["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"] = service.ca_file
    return env


def over_every_service(*kinds, planes=("auto",)):
    """Turns a mixin of tests into one class per service and data plane, in the mixin's own module."""
    def make(mixin):
        for kind, plane in itertools.product(kinds or BOTH, planes):
            if CHOSEN and kind not in CHOSEN:
                continue
            name = mixin.__name__ + kind + (plane.capitalize() if len(planes) > 1 else "")
            setattr(sys.modules[mixin.__module__], name, type(name, (mixin, ServiceCase), {
                "__module__": mixin.__module__, "make_service": staticmethod(EVERY[kind]), "kind": kind,
                "plane": plane}))
        return mixin
    return make


__all__ = ["BOTH", "OFFICIAL", "PINNED", "PLANES", "ServiceCase", "environment", "over_every_service", "read"]
