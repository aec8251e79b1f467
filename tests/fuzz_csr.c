/* Hostile certificate requests: whatever is taken is a P-256 key, and what is not taken says why. */
#include <assert.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <string.h>

#include "local/grant.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *why = NULL;
	EVP_PKEY *key = NULL;
	int r = grant_csr_key(data, n, &key, &why);
	char group[32] = "";

	assert(r == 0 || r == GRANT_E_REFUSED || r == -ENOMEM);
	if (r == GRANT_E_REFUSED)
		assert(why && *why && !key);
	if (r)
		return 0;
	assert(n <= GRANT_CSR_MAX && EVP_PKEY_is_a(key, "EC"));
	assert(EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1);
	assert(strcmp(group, "prime256v1") == 0);
	EVP_PKEY_free(key);
	return 0;
}
