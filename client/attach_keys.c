/* From the keyboard to the daemon. */
#include "client/attach_private.h"

#include <string.h>
#include <unistd.h>

#define TYPED_MAX ((size_t)1024 * 1024) /* bytes read from the terminal and not taken yet */

bool attach_reads_keys(const struct attach *a)
{
	return a->typed.n - a->typed_at < TYPED_MAX;
}

static void act(struct attach *a, enum keys_action action)
{
	const struct cwsandbox_request lead = { .method = CWSANDBOX_SESSION_LEAD,
		.attachment = a->attachment };

	switch (action) {
	case KEYS_NONE:
		return;
	case KEYS_DETACH:
		attach_end_as(a, ENDING_LEFT, NULL);
		return;
	case KEYS_HELP:
		if (attach_show_help(a))
			attach_end_as(a, ENDING_LOST, "out of memory");
		return;
	case KEYS_LEAD:
		if (a->attachment >= 0 && !a->o->observer)
			cwsandbox_start(a->c, &lead, &a->lead_id);
		return;
	}
}

static int take_keys(struct attach *a, const uint8_t *in, size_t n)
{
	uint8_t out[READ_MAX + PROBE_HELD_MAX + KEYS_HELD_MAX + KEYS_SEQUENCE_MAX];
	size_t at = 0, used, n_out;
	int r = 0;

	a->keys.extended = term_filter_extended_keys(a->filter);
	while (at < n && !a->ending && !r) {
		enum keys_action action;

		if (a->helping) {
			at += keys_first(in + at, n - at);
			attach_leave_help(a);
			continue;
		}
		action = keys_feed(&a->keys, in + at, n - at, &used, out, &n_out);
		at += used;
		if (!a->o->observer)
			r = attach_append(&a->typed, out, n_out);
		act(a, action);
	}
	return r;
}

/* It has answered, or answers late: what it can do, and its colours. */
static void heed_terminal(struct attach *a)
{
	struct cwsandbox_request *q = &a->o->request;
	const uint32_t *colors = a->probe.colors;
	struct cwsandbox_request set = { .method = CWSANDBOX_SESSION_SET,
		.attachment = a->attachment };

	term_filter_caps(a->filter, &a->probe.caps);
	if (!probe_has_colors(&a->probe))
		return;
	q->has_colors = set.has_colors = true;
	q->foreground = set.foreground = colors[0];
	q->background = set.background = colors[1];
	q->cursor = set.cursor = a->probe.has_colors & 4 ? colors[2] : colors[0];
	if (a->attachment >= 0 && !a->o->observer)
		cwsandbox_start(a->c, &set, NULL);
}

int attach_read_keys(struct attach *a)
{
	uint8_t in[READ_MAX], keys[READ_MAX + PROBE_HELD_MAX];
	ssize_t l = read(a->tty.in, in, sizeof(in));
	size_t n;

	if (l < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (l <= 0) {
		attach_end_as(a, ENDING_GONE, NULL);
		return 0;
	}
	a->read_ms = cli_now_ms();
	n = probe_feed(&a->probe, in, (size_t)l, keys);
	if (probe_news(&a->probe))
		heed_terminal(a);
	return take_keys(a, keys, n);
}

int64_t attach_keys_due_ms(const struct attach *a)
{
	if (keys_holds(&a->keys))
		return a->read_ms + KEYS_TORN_MS;
	if (!probe_holds(&a->probe))
		return INT64_MAX;
	if (a->probe.waiting && a->read_ms - a->asked_ms >= PROBE_GIVE_UP_MS)
		return a->read_ms; /* it answers nothing: no key is held */
	return a->read_ms + PROBE_TORN_MS;
}

static int flush_keys(struct attach *a)
{
	uint8_t out[PROBE_HELD_MAX + KEYS_HELD_MAX + KEYS_SEQUENCE_MAX];
	size_t n = probe_flush(&a->probe, out);
	int r = n ? take_keys(a, out, n) : 0;

	if (r || a->ending)
		return r;
	n = keys_flush(&a->keys, out);
	return a->o->observer ? 0 : attach_append(&a->typed, out, n);
}

void attach_send_keys(struct attach *a)
{
	size_t taken;

	while (a->typed_at < a->typed.n && a->attachment >= 0) {
		if (cwsandbox_input(a->c, a->attachment, a->typed.data + a->typed_at,
			    a->typed.n - a->typed_at, &taken))
			return; /* no room: CREDIT will come; ended: EXITED will */
		a->typed_at += taken;
		notice_typed(&a->notice, cli_now_ms());
	}
	if (a->typed_at == a->typed.n)
		a->typed.n = a->typed_at = 0;
}

int attach_keys_turn(struct attach *a, bool came)
{
	if (came && !a->ending)
		return attach_read_keys(a);
	return cli_now_ms() >= attach_keys_due_ms(a) ? flush_keys(a) : 0;
}
