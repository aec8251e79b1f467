/*
 * lib_env - the endpoint and key of our environment
 */
#include <string.h>
#include <strings.h>

#include "client/lib.h"

static const char *env(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

static void fill(const char **member, const char *name)
{
	if (!*member || !**member)
		*member = env(name);
}

/* The host of a URL, without scheme, user, port and path. */
static struct frame_span url_host(const char *url)
{
	const char *at = strstr(url, "://");
	size_t n;

	at = at ? at + 3 : url;
	n = strcspn(at, "/");
	if (*at == '[')
		return (struct frame_span){ at + 1, strcspn(at + 1, "]") };
	return (struct frame_span){ at, min_size(n, strcspn(at, ":")) };
}

/* NO_PROXY: comma-separated names, each for itself and what ends in it; "*" is all. */
static bool is_exempt(const char *no_proxy, const char *url)
{
	struct frame_span host = url_host(url);

	while (*no_proxy) {
		size_t skip = strspn(no_proxy, ", .");
		size_t n = strcspn(no_proxy + skip, ", ");
		const char *name = no_proxy + skip;

		no_proxy = name + n;
		if (n == 1 && *name == '*')
			return true;
		if (n == 0 || n > host.n || strncasecmp(host.data + host.n - n, name, n) != 0)
			continue;
		if (n == host.n || host.data[host.n - n - 1] == '.')
			return true;
	}
	return false;
}

static void fill_proxy(struct cwsandbox_config *config)
{
	static const char *const proxies[] = { "HTTPS_PROXY", "https_proxy" };
	static const char *const exempt[] = { "NO_PROXY", "no_proxy" };

	for (size_t i = 0; i < ARRAY_SIZE(proxies); i++)
		fill(&config->proxy, proxies[i]);
	for (size_t i = 0; config->proxy && config->base_url && i < ARRAY_SIZE(exempt); i++)
		if (env(exempt[i]) && is_exempt(env(exempt[i]), config->base_url))
			config->proxy = NULL;
}

static bool is_set(const char *s)
{
	return s && *s;
}

int cwsandbox_config_from_env(struct cwsandbox_config *config)
{
	bool own_url = is_set(config->base_url), own_key = is_set(config->key);
	bool wandb;

	fill(&config->base_url, "CWSANDBOX_BASE_URL");
	fill(&config->auth, "CWSANDBOX_AUTH");
	wandb = config->auth && strcasecmp(config->auth, "wandb") == 0;
	fill(&config->key, wandb ? "WANDB_API_KEY" : "CWSANDBOX_API_KEY");
	if (wandb) {
		fill(&config->entity, "WANDB_ENTITY");
		fill(&config->project, "WANDB_PROJECT");
	}
	fill(&config->ca_file, "CWSANDBOX_CA_FILE");
	fill(&config->term, "TERM");
	fill_proxy(config);
	if (config->base_url && config->key && !own_url && !own_key)
		config->key_with_url = true;
	if (is_set(config->base_url) || is_set(config->key) || is_set(config->auth) ||
		env("WANDB_API_KEY"))
		return 0;
	config->base_url = "local";
	return 1;
}
