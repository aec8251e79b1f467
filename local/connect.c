/* ConnectSandbox: a certificate for one sandbox, and where the direct data plane is */
#include <openssl/pem.h>
#include <string.h>

#include "local/direct.h"
#include "local/request.h"
#include "local/service.h"

#define ENDPOINT_MAX 320

typedef Coreweave__Sandbox__V1__ConnectSandboxRequest Request;

DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free)
DEFINE_CLEANUP(X509 *, X509_free)
DEFINE_CLEANUP(BIO *, BIO_free_all)

static void answer(
	struct call *call, const struct grant *g, X509 *cert, const permission_t *asked, size_t n)
{
	const struct direct *d = call->service->direct;
	Coreweave__Sandbox__V1__SandboxConnection m =
		COREWEAVE__SANDBOX__V1__SANDBOX_CONNECTION__INIT;
	Google__Protobuf__Timestamp expires = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	_cleanup_(BIO_free_allp) BIO *pem = BIO_new(BIO_s_mem());
	char endpoint[ENDPOINT_MAX];
	char *text;

	if (!pem || PEM_write_bio_X509(pem, cert) != 1)
		return call_fail_memory(call);
	direct_endpoint(
		d, h2_stream_header(call->rpc.stream, ":authority"), endpoint, sizeof(endpoint));
	expires.seconds = (int64_t)(g->expires_wall_usec / USEC_PER_SEC);
	m.endpoint_uri = endpoint;
	m.endpoint_id = (char *)d->id;
	m.client_certificate_chain_pem.len = (size_t)BIO_get_mem_data(pem, &text);
	m.client_certificate_chain_pem.data = (uint8_t *)text;
	m.server_ca_bundle_pem.len = d->n_ca_pem;
	m.server_ca_bundle_pem.data = (uint8_t *)d->ca_pem;
	m.expires_at = &expires;
	m.transport =
		COREWEAVE__SANDBOX__V1__SANDBOX_DATA_TRANSPORT__SANDBOX_DATA_TRANSPORT_DIRECT_MTLS;
	m.protocol =
		COREWEAVE__SANDBOX__V1__SANDBOX_DATA_PROTOCOL__SANDBOX_DATA_PROTOCOL_CONNECT_H2_V1;
	m.granted_permissions = (permission_t *)asked;
	m.n_granted_permissions = n;
	call_answer(call, &m.base);
}

static void connect_box(struct call *call, const Request *req)
{
	const struct clock *clock = &call->service->loop->clock;
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	_cleanup_(X509_freep) X509 *cert = NULL;
	struct box *b = call_box(call, req->sandbox_id, "", NULL);
	struct grant g = { 0 };
	const char *why;
	int r;

	if (!b)
		return;
	memcpy(g.sandbox_id, b->sb->id, sizeof(b->sb->id));
	r = grant_permissions(
		req->requested_permissions, req->n_requested_permissions, &g.permissions, &why);
	if (r)
		return call_fail_field(call, "requested_permissions", why);
	r = grant_csr_key(req->csr_der.data, req->csr_der.len, &key, &why);
	if (r == GRANT_E_REFUSED)
		return call_fail_field(call, "csr_der", why);
	r = r ? r : grant_issue(&call->service->direct->issuer, &g, key, clock->wall_usec, &cert);
	if (r)
		call_fail_with(call, GRPC_INTERNAL, NULL, "no certificate could be made");
	else
		answer(call, &g, cert, req->requested_permissions, req->n_requested_permissions);
}

static void on_connect(struct call *call, const uint8_t *data, size_t n)
{
	Request *req = request_unpack(
		&coreweave__sandbox__v1__connect_sandbox_request__descriptor, data, n);

	if (!req)
		return call_fail_not_understood(call);
	if (call->service->direct)
		connect_box(call, req);
	else
		call_fail_with(call, GRPC_UNIMPLEMENTED, REASON_NOT_IMPLEMENTED,
			"the direct data plane is off");
	coreweave__sandbox__v1__connect_sandbox_request__free_unpacked(req, NULL);
}

const struct method connect_methods[] = {
	{ .name = "ConnectSandbox", .on_request = on_connect },
	{ 0 },
};
