#include "local/options.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "local/identity.h"

static const char help[] =
	"Usage: cwsandbox-local [OPTION]...\n"
	"Serve sandboxes of this machine by the protocol of the sandbox service.\n"
	"\n"
	"  --listen HOST:PORT      where to listen (default 127.0.0.1:0: any free port)\n"
	"  --port-file FILE        write the port there once connections are accepted\n"
	"  --state-dir DIR         token, certificates, sandboxes\n"
	"                          (default $XDG_STATE_HOME/cwsandbox-local)\n"
	"  --token-file FILE       take the token from there (default: `token` in the state "
	"folder)\n"
	"  --plaintext             HTTP/2 without TLS; only on a loopback address\n"
	"  --allow-remote          allow an address that other machines reach; needs TLS\n"
	"  --isolation auto|bwrap|none\n"
	"                          walls around sandboxes (default auto: bwrap if it works)\n"
	"  --network on|none       whether sandboxes reach the network (none needs bwrap)\n"
	"  --rootfs [IMAGE=]DIR|TARBALL\n"
	"                          another user land, for that image or for all (repeatable;\n"
	"                          needs bwrap)\n"
	"  --direct on|off         the direct data plane, on a port of its own (default on)\n"
	"  --drain-limit BYTES|SECONDS\n"
	"                          end streams whose output is not taken (64K, 30s)\n"
	"  --fault-socket PATH     make trouble on request, for who tests a client\n"
	"  --help                  this text\n"
	"  --version               the version\n";

_printf_(1, 2) static int usage(const char *fmt, ...)
{
	va_list ap;

	fputs("cwsandbox-local: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs("\nTry 'cwsandbox-local --help'.\n", stderr);
	return OPTIONS_E_USAGE;
}

static int parse_listen(struct options *o, const char *arg)
{
	const char *colon = strrchr(arg, ':');
	size_t n = colon ? (size_t)(colon - arg) : 0;
	char *end;
	unsigned long port;

	if (n >= 2 && arg[0] == '[' && arg[n - 1] == ']') {
		arg++;
		n -= 2;
	}
	if (!n || n >= sizeof(o->host) || strspn(colon + 1, "0123456789") != strlen(colon + 1))
		return usage("--listen takes HOST:PORT, not '%s'", arg);
	port = strtoul(colon + 1, &end, 10);
	if (end == colon + 1 || port > UINT16_MAX)
		return usage("'%s': a port is 0 to 65535", arg);
	memcpy(o->host, arg, n);
	o->host[n] = 0;
	o->port = (uint16_t)port;
	return 0;
}

static int parse_isolation(struct options *o, const char *arg)
{
	static const char *const names[] = {
		[ISOLATION_AUTO] = "auto",
		[ISOLATION_BWRAP] = "bwrap",
		[ISOLATION_NONE] = "none",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(arg, names[i])) {
			o->isolation = (enum isolation)i;
			return 0;
		}
	return usage("--isolation takes auto, bwrap or none, not '%s'", arg);
}

/* `flag on|OFF`, where OFF is this switch's own word for it. */
static int parse_switch(bool *ret, const char *flag, const char *off, const char *arg)
{
	if (strcmp(arg, "on") && strcmp(arg, off))
		return usage("%s takes on or %s, not '%s'", flag, off, arg);
	*ret = !strcmp(arg, "on");
	return 0;
}

static int take_rootfs(struct options *o, const char *arg)
{
	struct rootfs_arg *r = &o->rootfs[o->n_rootfs];

	if (o->n_rootfs == ROOTFS_MAX)
		return usage("at most %d times --rootfs", ROOTFS_MAX);
	rootfs_parse(arg, r);
	if (!*r->source || (r->image && !r->n_image))
		return usage("--rootfs takes [IMAGE=]DIR|TARBALL, not '%s'", arg);
	o->n_rootfs++;
	return 0;
}

/* What only makes sense together. */
static int check(const struct options *o)
{
	bool loopback = identity_is_loopback(o->host);

	if (o->plaintext && !loopback)
		return usage("--plaintext is only for a loopback address, and %s is none", o->host);
	if (!loopback && !o->allow_remote)
		return usage("other machines reach %s: say --allow-remote if they shall", o->host);
	if (!o->network && o->isolation == ISOLATION_NONE)
		return usage("--network none needs the walls of bwrap");
	if (o->n_rootfs && o->isolation == ISOLATION_NONE)
		return usage("--rootfs needs the walls of bwrap");
	return 0;
}

enum {
	OPT_LISTEN = 256,
	OPT_PORT_FILE,
	OPT_STATE_DIR,
	OPT_TOKEN_FILE,
	OPT_PLAINTEXT,
	OPT_ALLOW_REMOTE,
	OPT_ISOLATION,
	OPT_NETWORK,
	OPT_ROOTFS,
	OPT_DIRECT,
	OPT_FAULT_SOCKET,
	OPT_DRAIN_LIMIT,
	OPT_HELP,
	OPT_VERSION
};

static const struct option longs[] = {
	{ "listen", required_argument, NULL, OPT_LISTEN },
	{ "port-file", required_argument, NULL, OPT_PORT_FILE },
	{ "state-dir", required_argument, NULL, OPT_STATE_DIR },
	{ "token-file", required_argument, NULL, OPT_TOKEN_FILE },
	{ "plaintext", no_argument, NULL, OPT_PLAINTEXT },
	{ "allow-remote", no_argument, NULL, OPT_ALLOW_REMOTE },
	{ "isolation", required_argument, NULL, OPT_ISOLATION },
	{ "network", required_argument, NULL, OPT_NETWORK },
	{ "rootfs", required_argument, NULL, OPT_ROOTFS },
	{ "direct", required_argument, NULL, OPT_DIRECT },
	{ "drain-limit", required_argument, NULL, OPT_DRAIN_LIMIT },
	{ "fault-socket", required_argument, NULL, OPT_FAULT_SOCKET },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ 0 },
};

static int take(struct options *o, int opt, const char *word)
{
	switch (opt) {
	case OPT_LISTEN:
		return parse_listen(o, optarg);
	case OPT_PORT_FILE:
		o->port_file = optarg;
		return 0;
	case OPT_STATE_DIR:
		o->state_dir = optarg;
		return 0;
	case OPT_TOKEN_FILE:
		o->token_file = optarg;
		return 0;
	case OPT_PLAINTEXT:
		o->plaintext = true;
		return 0;
	case OPT_ALLOW_REMOTE:
		o->allow_remote = true;
		return 0;
	case OPT_ISOLATION:
		return parse_isolation(o, optarg);
	case OPT_NETWORK:
		return parse_switch(&o->network, "--network", "none", optarg);
	case OPT_ROOTFS:
		return take_rootfs(o, optarg);
	case OPT_DIRECT:
		return parse_switch(&o->direct, "--direct", "off", optarg);
	case OPT_DRAIN_LIMIT:
		return drain_parse(optarg, &o->drain)
			       ? usage("--drain-limit takes bytes (1 to 64M) or seconds (1s to "
				       "3600s), not '%s'",
					 optarg)
			       : 0;
	case OPT_FAULT_SOCKET:
		o->fault_socket = optarg;
		return 0;
	case OPT_HELP:
		fputs(help, stdout);
		return OPTIONS_E_DONE;
	case OPT_VERSION:
		puts("cwsandbox-local " PACKAGE_VERSION);
		return OPTIONS_E_DONE;
	case ':':
		return usage("'%s' needs a value", word);
	default:
		return usage("there is no option '%s'", word);
	}
}

int options_parse(struct options *o, int argc, char **argv)
{
	int opt;

	*o = (struct options){ .host = "127.0.0.1", .network = true, .direct = true };
	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":", longs, NULL)) != -1) {
		int r = take(o, opt, argv[optind - 1]);

		if (r)
			return r;
	}
	if (optind < argc)
		return usage("unexpected argument '%s'", argv[optind]);
	return check(o);
}
