/* SPDX-License-Identifier: BSD-2-Clause */
/* serial.c - COM1: a 16550A UART */
#include "config.h"

#include "vmm/serial.h"

#include <errno.h>
#include <linux/serial_reg.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/chardev.h"
#include "vmm/monitor.h"
#include "vmm/state.h"
#include "vmm/vm.h"

enum {
	SERIAL_PORTS = 8,
	SERIAL_FIFO = 16,
	SERIAL_STATE_VERSION = 1,
};

/**
 * struct serial - The UART and its cable
 * @cable:	Where it leads
 * @monitor:	On the same terminal, or NULL
 * @monitor_on:	It has the input
 * @thr_irq:	"Transmitter empty" is an interrupt not yet seen
 * @line:	Level of the interrupt line
 * @said:	Bytes that the guest has sent
 */
struct serial {
	struct vm *vm;
	struct chardev *cable;
	struct monitor *monitor;
	bool monitor_on;

	uint8_t ier, lcr, mcr, fcr, scr;
	uint8_t dll, dlm;
	bool overrun;
	bool thr_irq;
	bool line;

	uint8_t in[SERIAL_IN];
	unsigned int in_first, in_count;
	uint64_t said;
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

/* The cable. */

static void serial_put(struct serial *s, uint8_t c)
{
	s->said++;
	chardev_write(s->cable, &c, 1);
}

static void serial_push(struct serial *s, uint8_t c)
{
	if (s->in_count == SERIAL_IN)
		return;
	s->in[(s->in_first + s->in_count++) % SERIAL_IN] = c;
}

static unsigned int serial_room(void *ctx)
{
	const struct serial *s = ctx;

	return s->monitor_on ? monitor_room(s->monitor) : SERIAL_IN - s->in_count;
}

static void serial_input(void *ctx, const uint8_t *bytes, unsigned int size)
{
	struct serial *s = ctx;

	if (s->monitor_on) {
		monitor_input(s->monitor, bytes, size);
		return;
	}
	while (size--)
		serial_push(s, *bytes++);
	serial_update_irq(s);
}

/* Ctrl-A x ends the VM, Ctrl-A c changes between console and monitor. */
static void serial_key(void *ctx, uint8_t key)
{
	static const char help[] = "\r\nCtrl-A x ends the VM, Ctrl-A c is the monitor and "
				   "back, Ctrl-A Ctrl-A is Ctrl-A\r\n";
	struct serial *s = ctx;

	if (key == 'x' || key == 'X') {
		vm_request_by(s->vm, VM_POWEROFF, VM_BY_CONSOLE);
	} else if (key == 'c' || key == 'C') {
		s->monitor_on = !s->monitor_on;
		if (s->monitor_on)
			monitor_greet(s->monitor);
	} else {
		chardev_write(s->cable, help, sizeof(help) - 1);
	}
}

static const struct chardev_ops serial_cable = {
	.room = serial_room, .input = serial_input, .key = serial_key,
};

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
		if (s->in_count-- == SERIAL_IN)
			chardev_want_input(s->cable);
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
	chardev_want_input(s->cable);
}

static void serial_write_data(struct serial *s, uint8_t c)
{
	if (s->mcr & UART_MCR_LOOP) {
		s->overrun |= s->in_count == SERIAL_IN;
		serial_push(s, c);
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

/* Saving. */

/** struct serial_state - The UART in a saved VM, with what it has not read */
struct serial_state {
	uint8_t ier, lcr, mcr, fcr, scr, dll, dlm;
	uint8_t overrun, thr_irq, line;
	uint8_t zero[2];
	uint32_t in_count;
	uint8_t in[SERIAL_IN];
};

void serial_save(const struct serial *s, struct state_out *out)
{
	struct serial_state x = {
		.ier = s->ier, .lcr = s->lcr, .mcr = s->mcr, .fcr = s->fcr, .scr = s->scr,
		.dll = s->dll, .dlm = s->dlm,
		.overrun = s->overrun, .thr_irq = s->thr_irq, .line = s->line,
		.in_count = s->in_count,
	};

	for (unsigned int i = 0; i < s->in_count; i++)
		x.in[i] = s->in[(s->in_first + i) % SERIAL_IN];
	state_put(out, "serial", 0, SERIAL_STATE_VERSION, &x, sizeof(x));
}

const char *serial_load(struct serial *s, const struct state *from)
{
	const struct serial_state *x = state_get(from, "serial", 0, SERIAL_STATE_VERSION,
						 sizeof(*x));

	if (!x || x->in_count > SERIAL_IN)
		return "it makes no sense (the serial port)";
	s->ier = x->ier & 0x0f;
	s->lcr = x->lcr;
	s->mcr = x->mcr & 0x1f;
	s->fcr = x->fcr;
	s->scr = x->scr;
	s->dll = x->dll;
	s->dlm = x->dlm;
	s->overrun = x->overrun;
	s->thr_irq = x->thr_irq;
	s->line = x->line;
	s->in_first = 0;
	s->in_count = x->in_count;
	memcpy(s->in, x->in, x->in_count);
	serial_update_irq(s);
	return NULL;
}

/* Life. */

uint64_t serial_said(const struct serial *s)
{
	return s->said;
}

void serial_reset(struct serial *s)
{
	s->said = 0;
	s->ier = s->lcr = s->mcr = s->fcr = s->scr = s->dlm = 0;
	s->dll = 12;
	s->overrun = s->thr_irq = s->line = false;
	s->in_first = s->in_count = 0;
	chardev_want_input(s->cable);
	/* Only now, when nothing can go wrong any more on the way to a running VM. */
	chardev_take_terminal(s->cable);
}

const char *serial_filename(const struct serial *s, char buf[static CHARDEV_FILENAME])
{
	return chardev_filename(s->cable, buf);
}

int serial_create(struct vm *vm, const struct options_chardev *opt, struct serial **out)
{
	struct serial *s = calloc(1, sizeof(*s));
	int ret;

	if (!s)
		return -ENOMEM;
	s->vm = vm;
	ret = bus_add(&vm->pio, PORT_COM1, SERIAL_PORTS, &serial_ops, s);
	if (!ret)
		ret = chardev_create(vm->loop, opt, "serial0", true, &serial_cable, s,
				     &s->cable);
	if (!ret && opt->escape)
		ret = monitor_create_on(vm, s->cable, &s->monitor);
	if (ret) {
		serial_destroy(s);
		return ret;
	}
	*out = s;
	return 0;
}

void serial_drain(struct serial *s)
{
	chardev_drain(s->cable);
}

void serial_destroy(struct serial *s)
{
	if (!s)
		return;
	monitor_destroy(s->monitor);
	chardev_destroy(s->cable);
	free(s);
}
