#include "daemon/notify.h"

#ifdef HAVE_SYSTEMD

#include <string.h>
#include <systemd/sd-daemon.h>

void notify_say(const char *state)
{
	sd_notify(0, state);
}

uint64_t notify_watchdog_usec(void)
{
	uint64_t usec = 0;

	return sd_watchdog_enabled(0, &usec) > 0 ? usec : 0;
}

int notify_sockets(int *ret_socket, int *ret_observer, int *ret_n)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(1, &names), r = 0;

	*ret_socket = *ret_observer = -1;
	*ret_n = n < 0 ? 0 : n;
	for (int i = 0; i < *ret_n; i++) {
		int *to = names && strcmp(names[i], "observe") == 0 ? ret_observer : ret_socket;

		if (*to >= 0)
			r = -EINVAL;
		*to = SD_LISTEN_FDS_START + i;
	}
	for (int i = 0; names && i < *ret_n; i++)
		free(names[i]);
	free(names);
	return r;
}

#else

void notify_say(const char *state)
{
	(void)state;
}

uint64_t notify_watchdog_usec(void)
{
	return 0;
}

int notify_sockets(int *ret_socket, int *ret_observer, int *ret_n)
{
	*ret_socket = *ret_observer = -1;
	*ret_n = 0;
	return 0;
}

#endif
