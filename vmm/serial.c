/* SPDX-License-Identifier: BSD-2-Clause */
/* serial.c - COM1: a 16550A UART, and what is at the other end of its cable */
#include "config.h"

#include "vmm/serial.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <linux/serial_reg.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/listener.h"
#include "lib/log.h"
#include "vmm/vm.h"

enum {
	SERIAL_PORTS = 8,
	SERIAL_FIFO = 16,
	SERIAL_WRITE_MAX = 4096,	/* PIPE_BUF: a writable pipe takes it all */
	SERIAL_ESCAPE = 1,		/* Ctrl-A, as in QEMU's -nographic */
};

/**
 * struct serial - The UART and its cable
 * @rx_fd:	Where input comes from, -1 if nowhere
 * @tx_fd:	Where output goes, -1 if nowhere
 * @tty_fd:	Standard output opened anew, if it is a terminal, or -1
 * @tty:	The terminal was made raw; @saved is how it was
 * @escape:	Ctrl-A was typed
 * @thr_irq:	"Transmitter empty" is an interrupt not yet seen
 * @line:	Level of the interrupt line
 */
struct serial {
	struct vm *vm;
	const struct options_serial *opt;
	ev_io rx, tx;
	ev_async flush;
	struct listener listener;
	int rx_fd, tx_fd;
	int tty_fd;
	bool tty;
	bool escape;
	struct termios saved;

	uint8_t ier, lcr, mcr, fcr, scr;
	uint8_t dll, dlm;
	bool overrun;
	bool thr_irq;
	bool line;

	uint8_t in[SERIAL_IN];
	unsigned int in_first, in_count;
	uint8_t out[SERIAL_OUT];
	unsigned int out_first, out_count;
};

/* Interrupts. */

static uint8_t serial_pending(const struct serial *s)
{
	if (s->ier & UART_IER_RLSI && s->overrun)
		return UART_IIR_RLSI;
	if (s->ier & UART_IER_RDI && s->in_count)
		return UART_IIR_RDI;
	if (s->ier & UART_IER_THRI && s->thr_irq)
		return UART_IIR_THRI;
	return UART_IIR_NO_INT;
}

static void serial_update_irq(struct serial *s)
{
	bool line = serial_pending(s) != UART_IIR_NO_INT;

	if (line == s->line)
		return;
	s->line = line;
	irq_line(&s->vm->irq, GSI_COM1, line);
}

/* Output. */

/* Write some of what waits. Return: false if the cable takes no more now. */
static bool serial_write_some(struct serial *s)
{
	unsigned int n = MIN(s->out_count, SERIAL_OUT - s->out_first);
	ssize_t done;

	n = MIN(n, (unsigned int)SERIAL_WRITE_MAX);
	done = write(s->tx_fd, s->out + s->out_first, n);
	if (done < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	/* With a broken cable, what waits is lost. */
	if (done < 0)
		done = n;
	s->out_first = (s->out_first + (unsigned int)done) % SERIAL_OUT;
	s->out_count -= (unsigned int)done;
	return true;
}

static void serial_tx_cb(struct ev_loop *loop, ev_io *w, int revents UNUSED)
{
	struct serial *s = container_of(w, struct serial, tx);

	if (s->out_count)
		serial_write_some(s);
	if (!s->out_count)
		ev_io_stop(loop, &s->tx);
}

/* A vCPU put something into an empty ring. */
static void serial_flush_cb(struct ev_loop *loop, ev_async *w,
			    int revents UNUSED)
{
	struct serial *s = container_of(w, struct serial, flush);

	if (s->out_count && s->tx_fd >= 0)
		ev_io_start(loop, &s->tx);
}

static void serial_put(struct serial *s, uint8_t c)
{
	if (s->tx_fd < 0 || s->out_count == SERIAL_OUT)
		return;
	s->out[(s->out_first + s->out_count) % SERIAL_OUT] = c;
	if (!s->out_count++)
		ev_async_send(s->vm->loop, &s->flush);
}

/* Input. */

static void serial_want_input(struct serial *s)
{
	/* On a terminal, Ctrl-A x must work although the guest reads nothing. */
	if (s->rx_fd >= 0 && (s->in_count < SERIAL_IN || s->opt->escape))
		ev_io_start(s->vm->loop, &s->rx);
	else
		ev_io_stop(s->vm->loop, &s->rx);
}

static void serial_push(struct serial *s, uint8_t c)
{
	if (s->in_count == SERIAL_IN)
		return;
	s->in[(s->in_first + s->in_count++) % SERIAL_IN] = c;
}

/* On a terminal of its own, Ctrl-A x ends the VM, Ctrl-A Ctrl-A is Ctrl-A. */
static void serial_typed(struct serial *s, uint8_t c)
{
	if (s->opt->escape && !s->escape && c == SERIAL_ESCAPE) {
		s->escape = true;
		return;
	}
	if (s->escape && (c == 'x' || c == 'X'))
		vm_request(s->vm, VM_POWEROFF);
	else
		serial_push(s, c);
	s->escape = false;
}

static void serial_unplug(struct serial *s);

static void serial_rx_cb(struct ev_loop *loop UNUSED, ev_io *w,
			 int revents UNUSED)
{
	struct serial *s = container_of(w, struct serial, rx);
	unsigned int room = s->opt->escape ? SERIAL_IN : SERIAL_IN - s->in_count;
	uint8_t buf[SERIAL_IN];
	ssize_t n;

	if (!room) {
		serial_want_input(s);
		return;
	}
	n = read(s->rx_fd, buf, room);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		serial_unplug(s);
		return;
	}
	for (ssize_t i = 0; i < n; i++)
		serial_typed(s, buf[i]);
	serial_want_input(s);
	serial_update_irq(s);
}

/* The cable. */

static void serial_plug(struct serial *s, int rx, int tx)
{
	struct ev_loop *loop = s->vm->loop;

	s->rx_fd = rx;
	s->tx_fd = tx;
	if (rx >= 0)
		ev_io_set(&s->rx, rx, EV_READ);
	if (tx >= 0)
		ev_io_set(&s->tx, tx, EV_WRITE);
	serial_want_input(s);
	if (tx >= 0 && s->out_count)
		ev_io_start(loop, &s->tx);
}

/* The end of input: a client hung up, or standard input is at its end. */
static void serial_unplug(struct serial *s)
{
	ev_io_stop(s->vm->loop, &s->rx);
	if (s->opt->kind != SERIAL_UNIX) {
		s->rx_fd = -1;
		return;
	}
	ev_io_stop(s->vm->loop, &s->tx);
	fd_close(&s->rx_fd);
	s->tx_fd = -1;
	s->out_count = 0;
	listener_resume(&s->listener);
}

/* One client at a time; the next waits until this one is gone. */
static void serial_accepted(void *ctx, int fd)
{
	struct serial *s = ctx;

	listener_pause(&s->listener);
	serial_plug(s, fd, fd);
}

static void serial_raw(struct serial *s)
{
	struct termios t;

	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &s->saved))
		return;
	t = s->saved;
	t.c_iflag &= (tcflag_t)~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR |
				 ICRNL | IXON);
	t.c_lflag &= (tcflag_t)~(ECHO | ECHONL | ICANON | IEXTEN);
	if (s->opt->escape)
		t.c_lflag &= (tcflag_t)~ISIG;
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	s->tty = !tcsetattr(STDIN_FILENO, TCSANOW, &t);
}

static int serial_open(struct serial *s)
{
	const struct options_serial *opt = s->opt;
	int fd;

	switch (opt->kind) {
	case SERIAL_STDIO:
		/* A terminal may take less than it promised, so it is opened anew,
		 * without blocking; others may share the open file we were given. */
		if (isatty(STDOUT_FILENO))
			s->tty_fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK |
					 O_NOCTTY | O_CLOEXEC);
		serial_plug(s, STDIN_FILENO, s->tty_fd >= 0 ? s->tty_fd : STDOUT_FILENO);
		return 0;
	case SERIAL_FILE:
		fd = open(opt->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC |
			  O_NONBLOCK | O_NOCTTY, 0600);
		if (fd < 0)
			break;
		serial_plug(s, -1, fd);
		return 0;
	case SERIAL_UNIX:
		fd = fd_listen_unix(opt->path, 0600, (gid_t)-1);
		if (fd < 0) {
			errno = -fd;
			break;
		}
		listener_start(&s->listener, s->vm->loop, fd, serial_accepted, s);
		return 0;
	case SERIAL_NULL:
		return 0;
	}
	log_err_errno(errno, "serial console '%s'", opt->path);
	return -errno;
}

/* Registers. */

static uint64_t serial_read_iir(struct serial *s)
{
	uint8_t iir = serial_pending(s);

	if (iir == UART_IIR_THRI)
		s->thr_irq = false;
	serial_update_irq(s);
	return iir | (s->fcr & UART_FCR_ENABLE_FIFO ? 0xc0 : 0);
}

static uint64_t serial_read_data(struct serial *s)
{
	uint8_t c = 0;

	if (s->in_count) {
		c = s->in[s->in_first];
		s->in_first = (s->in_first + 1) % SERIAL_IN;
		if (s->in_count-- == SERIAL_IN) {
			serial_want_input(s);
			ev_async_send(s->vm->loop, &s->vm->wake);
		}
	}
	serial_update_irq(s);
	return c;
}

/* In loopback, the modem lines we set are the ones we see. */
static uint8_t serial_msr(const struct serial *s)
{
	uint8_t msr = 0;

	if (!(s->mcr & UART_MCR_LOOP))
		return UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS;
	if (s->mcr & UART_MCR_RTS)
		msr |= UART_MSR_CTS;
	if (s->mcr & UART_MCR_DTR)
		msr |= UART_MSR_DSR;
	if (s->mcr & UART_MCR_OUT1)
		msr |= UART_MSR_RI;
	if (s->mcr & UART_MCR_OUT2)
		msr |= UART_MSR_DCD;
	return msr;
}

static uint64_t serial_read(void *ctx, uint64_t reg, unsigned int size)
{
	struct serial *s = ctx;
	uint8_t lsr;

	if (size != 1)
		return bus_ones(size);
	switch (reg) {
	case UART_RX:
		return s->lcr & UART_LCR_DLAB ? s->dll : serial_read_data(s);
	case UART_IER:
		return s->lcr & UART_LCR_DLAB ? s->dlm : s->ier;
	case UART_IIR:
		return serial_read_iir(s);
	case UART_LCR:
		return s->lcr;
	case UART_MCR:
		return s->mcr;
	case UART_LSR:
		lsr = UART_LSR_THRE | UART_LSR_TEMT;
		if (s->in_count)
			lsr |= UART_LSR_DR;
		if (s->overrun)
			lsr |= UART_LSR_OE;
		s->overrun = false;
		serial_update_irq(s);
		return lsr;
	case UART_MSR:
		return serial_msr(s);
	default:
		return s->scr;
	}
}

/* The FIFO has 16 bytes; what is behind it in our ring has not arrived yet. */
static void serial_clear_fifo(struct serial *s)
{
	unsigned int n = MIN(s->in_count, (unsigned int)SERIAL_FIFO);

	s->in_first = (s->in_first + n) % SERIAL_IN;
	s->in_count -= n;
	serial_want_input(s);
	ev_async_send(s->vm->loop, &s->vm->wake);
}

static void serial_write_data(struct serial *s, uint8_t c)
{
	if (s->mcr & UART_MCR_LOOP) {
		s->overrun |= s->in_count == SERIAL_IN;
		serial_push(s, c);
		serial_want_input(s);
	} else {
		serial_put(s, c);
	}
	s->thr_irq = true;
}

static void serial_write(void *ctx, uint64_t reg, unsigned int size,
			 uint64_t value)
{
	struct serial *s = ctx;
	uint8_t v = (uint8_t)value;

	if (size != 1)
		return;
	switch (reg) {
	case UART_TX:
		if (s->lcr & UART_LCR_DLAB)
			s->dll = v;
		else
			serial_write_data(s, v);
		break;
	case UART_IER:
		if (s->lcr & UART_LCR_DLAB) {
			s->dlm = v;
			break;
		}
		/* Enabling it while the transmitter is empty raises it. */
		if (v & UART_IER_THRI && !(s->ier & UART_IER_THRI))
			s->thr_irq = true;
		s->ier = v & 0x0f;
		break;
	case UART_FCR:
		s->fcr = v;
		if (v & UART_FCR_CLEAR_RCVR)
			serial_clear_fifo(s);
		break;
	case UART_LCR:
		s->lcr = v;
		break;
	case UART_MCR:
		s->mcr = v & 0x1f;
		break;
	case UART_SCR:
		s->scr = v;
		break;
	}
	serial_update_irq(s);
}

static const struct bus_ops serial_ops = { serial_read, serial_write };

/* Life. */

void serial_reset(struct serial *s)
{
	s->ier = s->lcr = s->mcr = s->fcr = s->scr = s->dlm = 0;
	s->dll = 12;
	s->overrun = s->thr_irq = s->line = false;
	s->in_first = s->in_count = 0;
	serial_want_input(s);
	/* Only now, when nothing can go wrong any more on the way to a running VM. */
	if (s->opt->kind == SERIAL_STDIO && !s->tty)
		serial_raw(s);
}

int serial_create(struct vm *vm, const struct options_serial *opt,
		  struct serial **out)
{
	struct serial *s = calloc(1, sizeof(*s));
	int ret;

	if (!s)
		return -ENOMEM;
	s->vm = vm;
	s->opt = opt;
	s->rx_fd = s->tx_fd = s->tty_fd = -1;
	ev_io_init(&s->rx, serial_rx_cb, -1, EV_READ);
	ev_io_init(&s->tx, serial_tx_cb, -1, EV_WRITE);
	ev_async_init(&s->flush, serial_flush_cb);
	ev_async_start(vm->loop, &s->flush);
	ret = bus_add(&vm->pio, PORT_COM1, SERIAL_PORTS, &serial_ops, s);
	if (!ret)
		ret = serial_open(s);
	if (ret) {
		ev_async_stop(vm->loop, &s->flush);
		free(s);
		return ret;
	}
	*out = s;
	return 0;
}

void serial_destroy(struct serial *s)
{
	struct pollfd p;
	int patience = 10;

	if (!s)
		return;
	/* The last words matter: write them as long as somebody takes them. */
	p = (struct pollfd){ .fd = s->tx_fd, .events = POLLOUT };
	while (s->tx_fd >= 0 && s->out_count && patience) {
		if (poll(&p, 1, 100) != 1 || !serial_write_some(s))
			patience--;
	}
	ev_io_stop(s->vm->loop, &s->rx);
	ev_io_stop(s->vm->loop, &s->tx);
	ev_async_stop(s->vm->loop, &s->flush);
	if (s->tty)
		tcsetattr(STDIN_FILENO, TCSANOW, &s->saved);
	if (s->opt->kind == SERIAL_UNIX) {
		listener_stop(&s->listener);
		fd_close(&s->rx_fd);
		unlink(s->opt->path);
	} else if (s->opt->kind == SERIAL_FILE) {
		fd_close(&s->tx_fd);
	}
	fd_close(&s->tty_fd);
	free(s);
}
