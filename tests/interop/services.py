"""services - the same tests over every service: ours by TLS, ours in clear text, and the independent one

A test that the independent service passes is right about the official client; when ours fails it, ours is wrong.
"""
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))

import procs  # noqa: E402
from official import Official  # noqa: E402
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


EVERY = (("LocalTls", local_tls), ("LocalPlain", local_plain), ("Independent", independent))
CHOSEN = os.environ.get("CWSANDBOX_TEST_SERVICES", "").split()


class ServiceCase(SharedWorldCase):
    """One class of tests against one running service, with the official command line and SDK at hand."""

    make_service = None
    kind = ""

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
        return cls._client().run(args, env=dict(cls.world.env, **(env or {})), cwd=cls.world.dir, **kwargs)

    @classmethod
    def official_ok(cls, *args, **kwargs):
        code, out, err = cls.official(*args, **kwargs)
        assert code == 0, "cwsandbox %s: exit %d: %s" % (" ".join(args), code, err.decode("utf-8", "replace"))
        return out

    @classmethod
    def sdk(cls, program, env=None, **kwargs):
        """A program for the official SDK; what it prints, as text."""
        code, out, err = cls._client().program(program, env=dict(cls.world.env, **(env or {})), cwd=cls.world.dir,
                                               **kwargs)
        assert code == 0, err.decode("utf-8", "replace")
        return out.decode("utf-8", "replace").strip()

    @classmethod
    def create(cls, *command, **options):
        """A running sandbox made by the official SDK; its id."""
        command = command or ("sleep", "infinity")
        return cls.sdk("s = cwsandbox.Sandbox.run(*%r, container_image='python:3.11', **%r)\n"
                       "s.wait(60)\nprint(s.sandbox_id)" % (command, options)).splitlines()[-1]


def environment(service):
    env = {"CWSANDBOX_BASE_URL": service.url, "CWSANDBOX_API_KEY": service.key}
    if service.ca_file:
        env["CWSANDBOX_CA_FILE"] = env["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"] = service.ca_file
    return env


def over_every_service(*kinds):
    """Turns a mixin of tests into one class per service, in the mixin's own module."""
    def make(mixin):
        for kind, factory in EVERY:
            if (kinds and kind not in kinds) or (CHOSEN and kind not in CHOSEN):
                continue
            name = mixin.__name__ + kind
            setattr(sys.modules[mixin.__module__], name, type(name, (mixin, ServiceCase), {
                "__module__": mixin.__module__, "make_service": staticmethod(factory), "kind": kind}))
        return mixin
    return make


__all__ = ["OFFICIAL", "PINNED", "ServiceCase", "environment", "over_every_service", "read"]
