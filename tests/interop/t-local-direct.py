"""The direct data plane of cwsandbox-local: what the official client does with it, and what no certificate opens"""
import datetime
import os
import queue
import socket
import ssl
import unittest

import services  # first: it finds the other helpers
import suite
from services import ServiceCase, over_every_service
from stub import Stub
from terminal import LIMIT, until
from world import read

try:
    import grpc
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cwsandbox._proto import sandbox_pb2 as pb
    from cwsandbox._proto import sandbox_data_plane_pb2_grpc, sandbox_pb2_grpc
except ImportError:
    grpc = None  # the classes below skip themselves

EXEC, STREAM_EXEC, STREAM_LOGS, WRITE_FILE, READ_FILE = range(1, 6)
ALL = [EXEC, STREAM_EXEC, STREAM_LOGS, WRITE_FILE, READ_FILE]


def csr(key, name=None):
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)] if name else [])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.DER)


def pem_of(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())


@over_every_service("LocalTls", "LocalPlain")
class Official:
    """With --data-plane-mode direct nothing falls back: what works here went by certificate."""

    @classmethod
    def begin(cls):
        cls.id = cls.create("sh", "-c", "echo begun; exec sleep infinity")

    def test_the_official_command_line_runs_commands_and_reads_logs_directly(self):
        for _ in range(3):
            code, out, err = self.official("exec", "--data-plane-mode", "direct", self.id, "sh", "-c", "echo out; exit 7")
            self.assertEqual((code, out), (7, b"out\n"), err)
        until(lambda: b"begun" in self.official_ok("logs", "--data-plane-mode", "direct", self.id), "the log", LIMIT)

    def test_the_official_sdk_does_all_it_can_directly(self):
        self.assertEqual(self.sdk("""
s = cwsandbox.Sandbox.from_id(%r, data_plane_mode='direct').result()
p = s.exec(['cat'], stdin=True)
p.stdin.write(b'in' * 50000).result(); p.stdin.close().result()
assert p.result().stdout_bytes == b'in' * 50000
d = s.exec(['mktemp', '-d']).result().stdout.strip()
data = bytes(range(256)) * 4096
s.write_file(d + '/f', data).result()
assert s.read_file(d + '/f').result() == data
t = s.shell(['sh', '-c', 'read x; echo got $x; exit 3'], width=80, height=24)
t.stdin.write(b'yes\\n').result()
print(t.result().returncode)
rs = [s.exec(['sh', '-c', 'echo %%d' %% i]) for i in range(20)]
print(all(p.result().stdout == '%%d\\n' %% i for i, p in enumerate(rs)))
""" % self.id), "3\nTrue")

    def test_without_being_told_the_official_client_takes_the_direct_way(self):
        port = int(read(os.path.join(self.service.state_dir, "direct-port")))
        self.assertEqual(self.sdk("""
s = cwsandbox.Sandbox.from_id(%r).result()
s.exec(['true']).result()
lines = [l.split()[2:4] for name in ('tcp', 'tcp6') for l in open('/proc/net/' + name)]  # remote, state
print(any(peer.endswith('0100007F:%%04X' %% %d) and state == '01' for peer, state in lines))
""" % (self.id, port)), "True")


class Off(ServiceCase):
    @staticmethod
    def make_service(world):
        return world.local("--direct", "off")

    def test_switched_off_it_is_unimplemented_and_auto_takes_the_gateway(self):
        sandbox = self.create()
        self.assertEqual(self.official_ok("exec", sandbox, "echo", "by gateway"), b"by gateway\n")
        said = self.sdk("""
s = cwsandbox.Sandbox.from_id(%r, data_plane_mode='direct').result()
try:
    s.read_file('/etc/hostname').result()
except cwsandbox.CWSandboxError as e:
    print(e)
""" % sandbox)
        self.assertIn("not supported", said)
        with open(self.service.ca_file, "rb") as f:
            channel = grpc.secure_channel(self.service.url.split("//")[1], grpc.ssl_channel_credentials(f.read()))
        with channel, self.assertRaises(grpc.RpcError) as caught:
            sandbox_pb2_grpc.SandboxServiceStub(channel).ConnectSandbox(
                pb.ConnectSandboxRequest(sandbox_id=sandbox), timeout=LIMIT,
                metadata=(("authorization", "Bearer " + self.service.key),))
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNIMPLEMENTED)
        self.assertFalse(os.path.exists(os.path.join(self.service.state_dir, "direct-port")))


class Walls(Stub, ServiceCase):
    """What a certificate opens, asked with grpcio."""

    @staticmethod
    def make_service(world):
        return world.local()

    @classmethod
    def begin(cls):
        cls.id, cls.other = cls.create(), cls.create()
        cls.ca = read(cls.service.ca_file).encode()
        cls.port = int(read(os.path.join(cls.service.state_dir, "direct-port")))
        super().begin()

    def certify(self, permissions, sandbox=None, der=None, key=None):
        key = key or ec.generate_private_key(ec.SECP256R1())
        answer = self.stub.ConnectSandbox(
            pb.ConnectSandboxRequest(sandbox_id=sandbox or self.id, csr_der=csr(key) if der is None else der,
                                     requested_permissions=permissions), metadata=self.key, timeout=LIMIT)
        return answer, pem_of(key)

    def plane(self, chain, key, target=None):
        credentials = grpc.ssl_channel_credentials(self.ca, key, chain)
        channel = grpc.secure_channel(target or "127.0.0.1:%d" % self.port, credentials)
        self.addCleanup(channel.close)
        return sandbox_data_plane_pb2_grpc.SandboxDataPlaneServiceStub(channel), channel

    def granted(self, permissions, sandbox=None):
        answer, key = self.certify(permissions, sandbox)
        return self.plane(answer.client_certificate_chain_pem, key)[0]

    def code(self, call):
        with self.assertRaises(grpc.RpcError) as caught:
            answer = call()
            if not hasattr(answer, "DESCRIPTOR"):
                list(answer)
        return caught.exception.code()

    @staticmethod
    def calls(sandbox):
        """Each method of the plane, asked of `sandbox`."""
        init = pb.ExecStreamRequest(init=pb.ExecStreamInit(sandbox_id=sandbox, command=["true"]))
        return {
            EXEC: lambda s: s.Exec(pb.ExecRequest(sandbox_id=sandbox, command=["true"]), timeout=LIMIT),
            STREAM_EXEC: lambda s: list(s.StreamExec(iter([init]), timeout=LIMIT)),
            STREAM_LOGS: lambda s: list(s.StreamLogs(pb.StreamLogsRequest(sandbox_id=sandbox), timeout=LIMIT)),
            WRITE_FILE: lambda s: s.WriteFile(pb.WriteFileRequest(sandbox_id=sandbox, path="/tmp/w", content=b"x"),
                                              timeout=LIMIT),
            READ_FILE: lambda s: s.ReadFile(pb.ReadFileRequest(sandbox_id=sandbox, path="/etc/hostname"),
                                            timeout=LIMIT)}

    # ---- what ConnectSandbox gives ----

    def test_the_answer_says_all_that_the_official_client_needs(self):
        answer, _ = self.certify([STREAM_EXEC, READ_FILE])
        self.assertEqual(answer.endpoint_uri, "https://127.0.0.1:%d" % self.port)
        self.assertEqual((answer.transport, answer.protocol), (1, 1))
        self.assertEqual(list(answer.granted_permissions), [STREAM_EXEC, READ_FILE])
        self.assertEqual(answer.server_ca_bundle_pem, self.ca)
        self.assertTrue(answer.endpoint_id)
        cert = x509.load_pem_x509_certificate(answer.client_certificate_chain_pem)
        self.assertEqual(cert.not_valid_after_utc.timestamp(), answer.expires_at.seconds)
        left = answer.expires_at.seconds - datetime.datetime.now(datetime.timezone.utc).timestamp()
        self.assertTrue(30 < left <= 3600, left)

    def test_c42_hostile_requests_for_a_certificate_are_refused_with_the_field(self):
        p384, big = ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)
        good = csr(ec.generate_private_key(ec.SECP256R1()))
        for what, der in (("empty", b""), ("noise", os.urandom(200)), ("P-384", csr(p384)), ("RSA", csr(big)),
                          ("named", csr(ec.generate_private_key(ec.SECP256R1()), "root")),
                          ("cut", good[:-1]), ("longer", good + b"\0"), ("large", good + bytes(4096))):
            with self.subTest(what):
                self.assertEqual(self.code(lambda: self.certify([EXEC], der=der)), grpc.StatusCode.INVALID_ARGUMENT)
        for permissions in ([], [0], [6], [EXEC] * 17):
            self.assertEqual(self.code(lambda: self.certify(permissions)), grpc.StatusCode.INVALID_ARGUMENT)
        self.assertEqual(self.code(lambda: self.certify([EXEC], sandbox="no-such")), grpc.StatusCode.NOT_FOUND)

    # ---- what a certificate opens ----

    def test_c42_each_permission_opens_its_method_and_no_other(self):
        calls = self.calls(self.id)
        for permission in ALL:
            stub = self.granted([permission])
            for method, call in calls.items():
                with self.subTest(permission=permission, method=method):
                    if method == permission:
                        call(stub)
                    else:
                        self.assertEqual(self.code(lambda: call(stub)), grpc.StatusCode.PERMISSION_DENIED)

    def test_c42_a_certificate_opens_its_own_sandbox_alone(self):
        stub = self.granted(ALL)
        for sandbox in (self.other, "no-such", "", "../" + self.id):
            for method, call in self.calls(sandbox).items():
                with self.subTest(sandbox=sandbox, method=method):
                    self.assertEqual(self.code(lambda: call(stub)), grpc.StatusCode.PERMISSION_DENIED)
        self.calls(self.id)[EXEC](stub)

    def test_c42_the_token_opens_nothing_there_and_a_certificate_nothing_here(self):
        answer, key = self.certify(ALL)
        _, channel = self.plane(answer.client_certificate_chain_pem, key)
        control = sandbox_pb2_grpc.SandboxServiceStub(channel)
        self.assertEqual(self.code(lambda: control.ListSandboxes(pb.ListSandboxesRequest(), metadata=self.key,
                                                                 timeout=LIMIT)), grpc.StatusCode.UNIMPLEMENTED)
        _, channel = self.plane(answer.client_certificate_chain_pem, key, self.service.url.split("//")[1])
        control = sandbox_pb2_grpc.SandboxServiceStub(channel)
        self.assertEqual(self.code(lambda: control.ListSandboxes(pb.ListSandboxesRequest(), timeout=LIMIT)),
                         grpc.StatusCode.UNAUTHENTICATED)

    # ---- what opens nothing ----

    def handshake(self, chain=None, key=None):
        """One TLS connection with the HTTP/2 preface and a PING; what the service said to it: b'' is nothing."""
        context = ssl.create_default_context(cafile=self.service.ca_file)
        context.set_alpn_protocols(["h2"])
        if chain:
            context.load_cert_chain(self.world.write("chain.pem", chain), self.world.write("key.pem", key))
        said = b""
        with socket.create_connection(("127.0.0.1", self.port), LIMIT) as plain:
            try:
                with context.wrap_socket(plain, server_hostname="127.0.0.1") as tls:
                    tls.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]) +
                                bytes([0, 0, 8, 6, 0, 0, 0, 0, 0]) + b"12345678")
                    while b"12345678" not in said:
                        piece = tls.recv(65536)
                        if not piece:
                            break
                        said += piece
            except (ssl.SSLError, ConnectionError):
                pass  # the alert; or the reset that follows it
        return said

    def sign(self, ca_cert, ca_key, key, days, usage, uri=None, seconds=0):
        now = datetime.datetime.now(datetime.timezone.utc)
        uri = uri or "cwsandbox-local:sandbox/%s/3e" % self.id
        cert = (x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(ca_cert.subject)
                .public_key(key.public_key()).serial_number(x509.random_serial_number())
                .not_valid_before(now - datetime.timedelta(days=2)).not_valid_after(now + datetime.timedelta(days, seconds))
                .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)]), True)
                .add_extension(x509.ExtendedKeyUsage([usage]), False)
                .sign(ca_key, hashes.SHA256()))
        return cert.public_bytes(serialization.Encoding.PEM)

    def own_ca(self):
        state = self.service.state_dir
        return (x509.load_pem_x509_certificate(self.ca),
                serialization.load_pem_private_key(read(os.path.join(state, "ca-key.pem")).encode(), None))

    def test_c42_before_a_verified_certificate_the_service_says_nothing(self):
        key = ec.generate_private_key(ec.SECP256R1())
        ca_cert, ca_key = self.own_ca()
        client, server = x509.ExtendedKeyUsageOID.CLIENT_AUTH, x509.ExtendedKeyUsageOID.SERVER_AUTH
        forged = ec.generate_private_key(ec.SECP256R1())  # a CA of the same name with another key
        state = self.service.state_dir
        self.assertIn(b"12345678", self.handshake(self.sign(ca_cert, ca_key, key, 1, client), pem_of(key)))
        for what, chain, of in (
                ("none", None, None),
                ("expired", self.sign(ca_cert, ca_key, key, -1, client), key),
                ("of another CA", self.sign(ca_cert, forged, key, 1, client), key),
                ("for servers", self.sign(ca_cert, ca_key, key, 1, server), key),
                ("with another name", self.sign(ca_cert, ca_key, key, 1, client, "https://example.org/"), key)):
            with self.subTest(what):
                self.assertNotIn(b"12345678", self.handshake(chain, of and pem_of(of)))
        with self.subTest("the service's own"):
            own = read(os.path.join(state, "cert.pem")).encode()
            self.assertEqual(self.handshake(own, read(os.path.join(state, "key.pem")).encode()), b"")

    def test_c42_when_its_certificate_ends_a_connection_takes_no_new_calls_and_its_streams_go_on(self):
        ca_cert, ca_key = self.own_ca()
        key = ec.generate_private_key(ec.SECP256R1())
        chain = self.sign(ca_cert, ca_key, key, 0, x509.ExtendedKeyUsageOID.CLIENT_AUTH, seconds=4)
        stub, _ = self.plane(chain, pem_of(key))
        command = ["sh", "-c", "echo begun; read x; echo got $x"]
        init = pb.ExecStreamRequest(init=pb.ExecStreamInit(sandbox_id=self.id, command=command))
        pending = queue.Queue()
        pending.put(init)
        stream = stub.StreamExec(iter(pending.get, None), timeout=LIMIT)
        first = [next(stream), next(stream)]
        self.assertEqual(first[1].output.data, b"begun\n")
        call = self.calls(self.id)[EXEC]

        def ended():
            try:
                call(stub)
                return False
            except grpc.RpcError as error:
                return error.code() == grpc.StatusCode.UNAUTHENTICATED
        until(ended, "the certificate's end", LIMIT)
        pending.put(pb.ExecStreamRequest(stdin=b"more\n"))
        self.assertEqual(next(stream).output.data, b"got more\n")
        pending.put(None)
        list(stream)

    def test_c42_clear_text_and_another_protocol_get_no_answer(self):
        for first in (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", self.port), LIMIT) as s:
                s.sendall(first)
                try:
                    said = s.recv(4096)
                except ConnectionResetError:
                    said = b""
                self.assertIn(said[:1], (b"", b"\x15"))  # nothing, or a TLS alert

    def test_hostile_requests_leave_no_descriptor_behind(self):
        fds = "/proc/%d/fd" % self.service.process.pid
        try:
            before = len(os.listdir(fds))
        except PermissionError:
            raise unittest.SkipTest("only root may count the descriptors of the service, which is undumpable")
        for _ in range(20):
            self.handshake()
            with self.assertRaises(grpc.RpcError):
                self.certify([EXEC], der=b"\x30\x00")
        until(lambda: len(os.listdir(fds)) <= before, "the descriptors' end", LIMIT)


if __name__ == "__main__":
    suite.main()
