"""grpc_direct - the independent service's certificates, and its direct data plane behind client certificates"""
import datetime
import ipaddress
import os

import grpc
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cwsandbox._proto import sandbox_data_plane_pb2_grpc
from cwsandbox._proto import sandbox_pb2 as pb
from google.protobuf import timestamp_pb2

from grpc_status import Refusing

LIFETIME = datetime.timedelta(minutes=10)  # of a client's certificate
PEM = serialization.Encoding.PEM


def named(text):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


class Authority:
    """A certificate authority and one server certificate, made for one run."""

    def __init__(self, folder):
        self.ca_file = os.path.join(folder, "grpc-ca.pem")
        self.ca_key, self.key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        self.ca_name = named("interop test CA")
        ca = self._sign(self.ca_name, self.ca_key.public_key(), [(x509.BasicConstraints(ca=True, path_length=0), True)])
        leaf = self._sign(named("localhost"), self.key.public_key(), [(x509.SubjectAlternativeName([
            x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)])
        self.ca_pem = ca.public_bytes(PEM)
        self.certificate = leaf.public_bytes(PEM)
        self.key_pem = self.key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        with open(self.ca_file, "wb") as f:
            f.write(self.ca_pem)

    def _sign(self, subject, public_key, extensions, lifetime=datetime.timedelta(days=2)):
        start = datetime.datetime.now(datetime.timezone.utc)
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.ca_name).public_key(public_key)
                   .serial_number(x509.random_serial_number()).not_valid_before(start - datetime.timedelta(hours=1))
                   .not_valid_after(start + lifetime))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self.ca_key, hashes.SHA256())

    def client(self, public_key, name):
        """A certificate for a client that asked with its own key."""
        return self._sign(named(name), public_key, [
            (x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.CLIENT_AUTH]), False)], LIFETIME)

    def server_credentials(self, clients=False):
        return grpc.ssl_server_credentials([(self.key_pem, self.certificate)],
                                           self.ca_pem if clients else None, clients)


class Connecting(Refusing):
    """Mixed into the servicer: ConnectSandbox, and who may do what by which certificate."""

    def __init__(self):
        self.authority, self.direct_port = None, 0
        self.grants = {}  # serial number of a certificate: (sandbox, permissions)

    def ConnectSandbox(self, request, context):
        self.enter("ConnectSandbox", request, context)
        if not self.direct_port:
            self.refuse(context, grpc.StatusCode.UNIMPLEMENTED, "no direct data plane",
                        reason="CWSANDBOX_NOT_IMPLEMENTED")
        box = self.running_box(request.sandbox_id, context)
        key = self._asked_with(request, context)
        permissions = sorted(set(request.requested_permissions))
        certificate = self.authority.client(key, box.id)
        self.grants[certificate.serial_number] = (box.id, permissions)
        expires = timestamp_pb2.Timestamp()
        expires.FromDatetime(certificate.not_valid_after_utc)
        return pb.SandboxConnection(
            endpoint_uri="https://127.0.0.1:%d" % self.direct_port, endpoint_id="runner-1",
            client_certificate_chain_pem=certificate.public_bytes(PEM), server_ca_bundle_pem=self.authority.ca_pem,
            expires_at=expires, transport=pb.SANDBOX_DATA_TRANSPORT_DIRECT_MTLS,
            protocol=pb.SANDBOX_DATA_PROTOCOL_CONNECT_H2_V1, granted_permissions=permissions)

    def _asked_with(self, request, context):
        """The key of a certificate request that is what it has to be."""
        if not request.requested_permissions or not all(1 <= p <= 5 for p in request.requested_permissions):
            self.invalid(context, ("requested_permissions", "must name what is asked for"))
        try:
            asked = x509.load_der_x509_csr(request.csr_der)
            if not asked.is_signature_valid:
                raise ValueError("not signed with its own key")
        except (ValueError, InvalidSignature) as err:
            self.invalid(context, ("csr_der", str(err)))
        return asked.public_key()

    def admit(self, method, sandbox_id, context):
        """The direct plane's caller shows a certificate for this sandbox and this kind of call."""
        certificate = x509.load_pem_x509_certificate(context.auth_context()["x509_pem_cert"][0])
        box_id, permissions = self.grants.get(certificate.serial_number, (None, ()))
        wanted = {"Exec": 1, "StreamExec": 2, "StreamLogs": 3, "WriteFile": 4, "ReadFile": 5}[method]
        if "certificate-unchecked" not in self.planted and (box_id != sandbox_id or wanted not in permissions):
            self.refuse(context, grpc.StatusCode.PERMISSION_DENIED, "the certificate does not permit this")


class DataPlane(sandbox_data_plane_pb2_grpc.SandboxDataPlaneServiceServicer):
    """The same methods on a port of their own, for who has a certificate."""

    def __init__(self, servicer):
        self.servicer = servicer

    def StreamExec(self, requests, context):
        yield from self.servicer.stream_exec(requests, context, self.servicer.admit)

    def StreamLogs(self, request, context):
        self.servicer.admit("StreamLogs", request.sandbox_id, context)
        yield from self.servicer.stream_logs(request, context)

    def Exec(self, request, context):
        self.servicer.admit("Exec", request.sandbox_id, context)
        return self.servicer.exec_once(request, context)

    def WriteFile(self, request, context):
        self.servicer.admit("WriteFile", request.sandbox_id, context)
        return self.servicer.write_file(request, context)

    def ReadFile(self, request, context):
        self.servicer.admit("ReadFile", request.sandbox_id, context)
        return self.servicer.read_file(request, context)
