#include "daemon/core/spec.h"

#include <string.h>

#include "daemon/core/methods.h"

static int read_argv(const struct frame *f, struct upstream_spec *spec)
{
	const msgpack_object *o = frame_get(f->params, "argv");
	struct frame_span s;
	const char **argv;

	if (!o || o->via.array.size == 0)
		return 0;
	argv = frame_alloc(f, o->via.array.size * sizeof(*argv));
	if (!argv)
		return -ENOMEM;
	for (size_t i = 0; i < o->via.array.size; i++) {
		if (frame_as_str(&o->via.array.ptr[i], &s))
			return -EINVAL; /* the table checked it */
		argv[i] = frame_dup(f, &s);
		if (!argv[i])
			return -ENOMEM;
	}
	spec->argv = argv;
	spec->n_argv = o->via.array.size;
	return 0;
}

static bool is_env_name(const struct frame_span *s)
{
	return s->n && !memchr(s->data, '=', s->n);
}

static int read_env(const struct frame *f, struct upstream_spec *spec, const char **ret_field)
{
	const msgpack_object *o = frame_get(f->params, "env");
	struct frame_span name, value;
	struct upstream_env *env;

	if (!o || o->via.map.size == 0)
		return 0;
	env = frame_alloc(f, o->via.map.size * sizeof(*env));
	if (!env)
		return -ENOMEM;
	for (size_t i = 0; i < o->via.map.size; i++) {
		const msgpack_object_kv *kv = &o->via.map.ptr[i];

		if (frame_as_str(&kv->key, &name) || frame_as_str(&kv->val, &value) ||
			!is_env_name(&name)) {
			*ret_field = "env";
			return SPEC_E_FIELD;
		}
		env[i].name = frame_dup(f, &name);
		env[i].value = frame_dup(f, &value);
		if (!env[i].name || !env[i].value)
			return -ENOMEM;
	}
	spec->env = env;
	spec->n_env = o->via.map.size;
	return 0;
}

static const char *text_or_null(const struct frame *f, const char *name, int *r)
{
	const char *s = param_text(f, name, r);

	return s && *s ? s : NULL;
}

static void read_numbers(const struct frame *f, struct upstream_spec *spec)
{
	uint64_t v;

	if (param_int(f, "cols", &v))
		spec->cols = (unsigned)v;
	if (param_int(f, "rows", &v))
		spec->rows = (unsigned)v;
	if (param_int(f, "timeout_ms", &v))
		spec->timeout_usec = v * USEC_PER_MSEC;
	if (param_int(f, "size", &v))
		spec->size = v;
	if (param_int(f, "tail_lines", &v))
		spec->tail_lines = (uint32_t)v;
	if (param_int(f, "since_at", &v))
		spec->since_usec = v * USEC_PER_MSEC;
	spec->stdin_open = param_bool(f, "stdin", false);
	spec->follow = param_bool(f, "follow", false);
	spec->timestamps = param_bool(f, "timestamps", false);
}

int spec_read(const struct frame *f, enum upstream_kind kind, struct upstream_spec *ret,
	const char **ret_field)
{
	struct upstream_spec spec = { .kind = kind };
	int r = 0;

	spec.sandbox_id = param_text(f, "sandbox_id", &r);
	spec.container = text_or_null(f, "container", &r);
	spec.cwd = text_or_null(f, "cwd", &r);
	spec.path = param_text(f, "path", &r);
	read_numbers(f, &spec);
	if (!r)
		r = read_argv(f, &spec);
	if (!r)
		r = read_env(f, &spec, ret_field);
	if (r)
		return r;
	if (spec.cwd && spec.cwd[0] != '/') {
		*ret_field = "cwd";
		return SPEC_E_FIELD;
	}
	*ret = spec;
	return 0;
}

static size_t text_bytes(const char *s)
{
	return s ? strlen(s) + 1 : 0;
}

size_t spec_bytes(const struct upstream_spec *spec)
{
	size_t n = text_bytes(spec->sandbox_id) + text_bytes(spec->container) +
		   text_bytes(spec->cwd) + text_bytes(spec->path);

	for (size_t i = 0; i < spec->n_argv; i++)
		n += text_bytes(spec->argv[i]);
	for (size_t i = 0; i < spec->n_env; i++)
		n += text_bytes(spec->env[i].name) + text_bytes(spec->env[i].value);
	return n;
}
