#include "common/pty.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>

#define PTY_COLS_DEFAULT 80
#define PTY_ROWS_DEFAULT 24
#define PTY_SIZE_MAX 65535 /* struct winsize holds shorts */

static struct winsize winsize_of(unsigned cols, unsigned rows)
{
	struct winsize ws = { 0 };

	cols = cols ? cols : PTY_COLS_DEFAULT;
	rows = rows ? rows : PTY_ROWS_DEFAULT;
	ws.ws_col = (unsigned short)(cols < PTY_SIZE_MAX ? cols : PTY_SIZE_MAX);
	ws.ws_row = (unsigned short)(rows < PTY_SIZE_MAX ? rows : PTY_SIZE_MAX);
	return ws;
}

/* The kernel does not assume UTF-8; without it erasing a character in canonical mode leaves bytes.
 */
static void set_utf8(int slave)
{
	struct termios tio;

	if (tcgetattr(slave, &tio) < 0)
		return;
	tio.c_iflag |= IUTF8;
	tcsetattr(slave, TCSANOW, &tio);
}

int pty_open(unsigned cols, unsigned rows, int *ret_master, int *ret_slave)
{
	struct winsize ws = winsize_of(cols, rows);
	_cleanup_(closep) int slave = -1;
	_cleanup_(closep) int master = -1;
	int locked = 0;

	master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (master < 0 || ioctl(master, TIOCSPTLCK, &locked) < 0)
		return -errno;
	/* By number, not by path: right in any mount namespace. */
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0 || ioctl(master, TIOCSWINSZ, &ws) < 0)
		return -errno;
	set_utf8(slave);
	*ret_master = master;
	*ret_slave = slave;
	master = -1;
	slave = -1;
	return 0;
}

int pty_resize(int master, unsigned cols, unsigned rows)
{
	struct winsize ws = winsize_of(cols, rows);

	return ioctl(master, TIOCSWINSZ, &ws) < 0 ? -errno : 0;
}

int pty_adopt(int slave)
{
	if (setsid() < 0 || ioctl(slave, TIOCSCTTY, 0) < 0)
		return -errno;
	for (int fd = 0; fd <= 2; fd++)
		if (dup2(slave, fd) < 0)
			return -errno;
	if (slave > 2)
		close(slave);
	return 0;
}

int pty_char(int master, int which, uint8_t *ret)
{
	struct termios tio;

	if (which < 0 || which >= NCCS)
		return -EINVAL;
	if (tcgetattr(master, &tio) < 0)
		return -errno;
	*ret = tio.c_cc[which];
	return 0;
}

int pty_is_canonical(int master, bool *ret)
{
	struct termios tio;

	if (tcgetattr(master, &tio) < 0)
		return -errno;
	*ret = (tio.c_lflag & ICANON) != 0;
	return 0;
}
