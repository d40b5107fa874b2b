/* SPDX-License-Identifier: BSD-2-Clause */
/* test-vsock.c - Streams over virtio-vsock: what packets mean, and the device driven through
 * its registers and rings as a guest would, with sockets at its other end
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <linux/virtio_pci.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/fd.h"
#include "tests/harness/board.h"
#include "vmm/state.h"
#include "vmm/virtio.h"
#include "vmm/virtio_vsock.h"
#include "vmm/vm.h"
#include "vmm/vsock.h"

enum {
	RX, TX, EVENTS, QUEUES,
	CID = 7, SIZE = 16, BUFFER = 4096,
	RINGS = 0x100000, DATA = 0x200000, NOTIFY = 0x3000,
};

/* What packets mean. */

static struct vsock_header packet(uint16_t op, uint32_t guest, uint32_t host, uint32_t len)
{
	return (struct vsock_header){
		.src_cid = le64(CID), .dst_cid = le64(VSOCK_HOST), .src_port = le32(guest),
		.dst_port = le32(host), .len = le32(len), .type = le16(1), .op = le16(op),
		.buf_alloc = le32(100),
	};
}

static int line(const char *text)
{
	uint32_t port = 0;
	int ret = vsock_connect_line(text, strlen(text), &port);

	return ret == 1 ? (int)port : ret - 10;
}

static void lines(void **state UNUSED)
{
	assert_int_equal(line("CONNECT 52\n"), 52);
	assert_int_equal(line("CONNECT 0\nrest"), 0);
	for (size_t n = 0; n < strlen("CONNECT 52"); n++) {
		uint32_t port;

		assert_int_equal(vsock_connect_line("CONNECT 52", n, &port), 0);
	}
	assert_int_equal(line("CONNECT \n"), -11);
	assert_int_equal(line("CONNECT x\n"), -11);
	assert_int_equal(line("CONNECT 4294967295\n"), -11);
	assert_int_equal(line("connect 1\n"), -11);
	assert_int_equal(line("\n"), -11);
	assert_int_equal(line("CONNECT 00000000000000000000000052"), -11);
}

static void credit(void **state UNUSED)
{
	struct vsock_header h = packet(VSOCK_OP_REQUEST, 1, 2, 0), out;
	struct vsock s;

	vsock_asked(&s, &h);
	vsock_accept(&s);
	assert_true(vsock_next(&s, &out));
	assert_int_equal(le16_get(out.op), VSOCK_OP_RESPONSE);
	assert_int_equal(le32_get(out.buf_alloc), VSOCK_BUF);
	assert_false(vsock_next(&s, &out));
	/* What the guest has room for. */
	assert_int_equal(vsock_credit(&s), 100);
	vsock_data(&s, &out, 70);
	assert_int_equal(vsock_credit(&s), 30);
	h = packet(VSOCK_OP_CREDIT_UPDATE, 1, 2, 0);
	h.fwd_cnt = le32(50);
	assert_int_equal(vsock_hear(&s, &h), VSOCK_NOTHING);
	assert_int_equal(vsock_credit(&s), 80);
	h.fwd_cnt = le32(71);		/* more than there was */
	vsock_hear(&s, &h);
	assert_int_equal(vsock_credit(&s), 0);
	/* What we have room for. */
	h = packet(VSOCK_OP_RW, 1, 2, VSOCK_BUF);
	assert_int_equal(vsock_hear(&s, &h), VSOCK_DATA);
	vsock_forwarded(&s, VSOCK_BUF / 2 - 1);
	assert_false(vsock_next(&s, &out));
	vsock_forwarded(&s, 1);
	assert_true(vsock_next(&s, &out));
	assert_int_equal(le16_get(out.op), VSOCK_OP_CREDIT_UPDATE);
	assert_int_equal(le32_get(out.fwd_cnt), VSOCK_BUF / 2);
	h = packet(VSOCK_OP_RW, 1, 2, VSOCK_BUF / 2);
	assert_int_equal(vsock_hear(&s, &h), VSOCK_DATA);
	h = packet(VSOCK_OP_RW, 1, 2, 1);
	assert_int_equal(vsock_hear(&s, &h), VSOCK_END);
	assert_true(vsock_next(&s, &out));
	assert_int_equal(le16_get(out.op), VSOCK_OP_RST);
	assert_int_equal(vsock_credit(&s), 0);
}

static void unasked(void **state UNUSED)
{
	static const uint16_t ops[] = { 0, VSOCK_OP_REQUEST, VSOCK_OP_RW, VSOCK_OP_SHUTDOWN, 99 };
	struct vsock_header h, out;
	struct vsock s;

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		vsock_ask(&s, CID, 1, 2);
		assert_true(vsock_next(&s, &out));
		h = packet(ops[i], 1, 2, 0);
		assert_int_equal(vsock_hear(&s, &h), VSOCK_END);
	}
	/* An answer before the question. */
	vsock_ask(&s, CID, 1, 2);
	h = packet(VSOCK_OP_RESPONSE, 1, 2, 0);
	assert_int_equal(vsock_hear(&s, &h), VSOCK_END);
	/* Data after it said that there are no more. */
	vsock_ask(&s, CID, 1, 2);
	assert_true(vsock_next(&s, &out));
	assert_int_equal(vsock_hear(&s, &h), VSOCK_OPENED);
	h = packet(VSOCK_OP_SHUTDOWN, 1, 2, 0);
	h.flags = le32(VSOCK_NO_SEND);
	assert_int_equal(vsock_hear(&s, &h), VSOCK_SHUT);
	h = packet(VSOCK_OP_RW, 1, 2, 1);
	assert_int_equal(vsock_hear(&s, &h), VSOCK_END);
}

/* The device. */

static struct options opt = {
	.name = "unit", .cpus = 1, .topology = { 1, 1, 1 }, .ram = 64 << 20,
};

struct machine {
	struct vm *vm;
	struct virtio_dev *dev;
	char dir[32];
	char path[64];
	uint16_t avail[QUEUES];
	uint16_t used;
};

static uint8_t *at(struct machine *m, uint64_t addr)
{
	return m->vm->ram_host + addr;
}

static void set(struct machine *m, unsigned int reg, unsigned int size, uint64_t v)
{
	board_set(m->dev, reg, size, v);
}

static void run(struct machine *m)
{
	board_spin(m->vm);
}

static uint64_t ring_at(unsigned int q)
{
	return RINGS + q * 0x4000;
}

static uint64_t buffer_at(unsigned int q, unsigned int i)
{
	return DATA + (q * SIZE + i % SIZE) * (uint64_t)BUFFER;
}

/* Give the device a buffer, @len bytes of it. */
static void offer(struct machine *m, unsigned int q, uint32_t len)
{
	struct vring_desc *desc = (void *)at(m, ring_at(q));
	struct vring_avail *avail = (void *)at(m, ring_at(q) + 0x1000);
	unsigned int i = m->avail[q] % SIZE;

	desc[i] = (struct vring_desc){ buffer_at(q, i), len, q == TX ? 0 : VRING_DESC_WRITE, 0 };
	avail->ring[i] = (uint16_t)i;
	avail->idx = ++m->avail[q];
	set(m, NOTIFY + q * 4, 2, q);
	run(m);
}

static void start(struct machine *m, unsigned int buffers)
{
	memset(at(m, RINGS), 0, QUEUES * 0x4000);
	memset(m->avail, 0, sizeof(m->avail));
	m->used = 0;
	board_negotiate(m->dev, 0);
	for (unsigned int q = 0; q < QUEUES; q++) {
		set(m, VIRTIO_PCI_COMMON_Q_SELECT, 2, q);
		set(m, VIRTIO_PCI_COMMON_Q_SIZE, 2, SIZE);
		set(m, VIRTIO_PCI_COMMON_Q_DESCLO, 4, ring_at(q));
		set(m, VIRTIO_PCI_COMMON_Q_AVAILLO, 4, ring_at(q) + 0x1000);
		set(m, VIRTIO_PCI_COMMON_Q_USEDLO, 4, ring_at(q) + 0x2000);
		set(m, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
	}
	set(m, VIRTIO_PCI_COMMON_STATUS, 1, 15);
	while (buffers--)
		offer(m, RX, BUFFER);
}

static int setup(void **state)
{
	struct machine *m = test_calloc(1, sizeof(*m));

	*state = m;
	strcpy(m->dir, "/tmp/vsock.XXXXXX");
	assert_non_null(mkdtemp(m->dir));
	snprintf(m->path, sizeof(m->path), "%s/v", m->dir);
	m->vm = board_new(&opt);
	assert_int_equal(virtio_vsock_create(m->vm, CID, m->path, &m->vm->vsock), 0);
	board_power_on(m->vm);
	m->dev = virtio_at(m->vm, 1);
	start(m, SIZE);
	return 0;
}

static int teardown(void **state)
{
	struct machine *m = *state;

	board_free(m->vm);
	assert_int_equal(access(m->path, F_OK), -1);
	assert_int_equal(rmdir(m->dir), 0);
	test_free(m);
	return 0;
}

/* The guest says something. */
static void say_header(struct machine *m, struct vsock_header h, const void *bytes)
{
	uint8_t *to = at(m, buffer_at(TX, m->avail[TX]));

	memcpy(to, &h, sizeof(h));
	if (bytes)
		memcpy(to + sizeof(h), bytes, le32_get(h.len));
	offer(m, TX, (uint32_t)(sizeof(h) + (bytes ? le32_get(h.len) : 0)));
}

static void say(struct machine *m, uint16_t op, uint32_t guest, uint32_t host,
		const char *bytes)
{
	say_header(m, packet(op, guest, host, bytes ? (uint32_t)strlen(bytes) : 0), bytes);
}

/* What it hears next: the kind of packet, 0 if there is none. */
static uint16_t hear(struct machine *m, struct vsock_header *h, char *bytes)
{
	const struct vring_used *used = (const void *)at(m, ring_at(RX) + 0x2000);
	const struct vring_used_elem *e = &used->ring[m->used % SIZE];

	run(m);
	if (used->idx == m->used)
		return 0;
	m->used++;
	memcpy(h, at(m, buffer_at(RX, e->id)), sizeof(*h));
	assert_int_equal(e->len, sizeof(*h) + le32_get(h->len));
	memcpy(bytes, at(m, buffer_at(RX, e->id)) + sizeof(*h), le32_get(h->len));
	bytes[le32_get(h->len)] = 0;
	assert_int_equal(le64_get(h->src_cid), VSOCK_HOST);
	assert_int_equal(le64_get(h->dst_cid), CID);
	return le16_get(h->op);
}

/* What a program of the host reads. */
static const char *socket_says(struct machine *m, int fd)
{
	static char text[128];
	ssize_t n;

	run(m);
	n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
	text[n > 0 ? n : 0] = 0;
	return n < 0 && errno == EAGAIN ? "(nothing)" : n < 0 ? "(error)" : text;
}

static int listen_at(const struct machine *m, uint32_t port, char *path)
{
	int fd;

	sprintf(path, "%s_%u", m->path, port);
	fd = fd_listen_unix(path, 0600, (gid_t)-1);
	assert_true(fd >= 0);
	return fd;
}

/* The guest connects to the host. */
static void from_guest(void **state)
{
	struct machine *m = *state;
	char path[80], bytes[BUFFER];
	struct vsock_header h;
	int server = listen_at(m, 1234, path), fd;

	say(m, VSOCK_OP_REQUEST, 50, 1234, NULL);
	assert_int_equal(hear(m, &h, bytes), VSOCK_OP_RESPONSE);
	assert_int_equal(le32_get(h.dst_port), 50);
	assert_int_equal(le32_get(h.src_port), 1234);
	fd = accept(server, NULL, NULL);
	assert_true(fd >= 0);
	say(m, VSOCK_OP_RW, 50, 1234, "to the host");
	assert_string_equal(socket_says(m, fd), "to the host");
	/* No more than the guest has room for. */
	memset(bytes, 'x', 150);
	assert_int_equal(send(fd, bytes, 150, 0), 150);
	assert_int_equal(hear(m, &h, bytes), VSOCK_OP_RW);
	assert_int_equal(strlen(bytes), 100);
	assert_int_equal(hear(m, &h, bytes), 0);
	h = packet(VSOCK_OP_CREDIT_UPDATE, 50, 1234, 0);
	h.fwd_cnt = le32(100);
	say_header(m, h, NULL);
	assert_int_equal(hear(m, &h, bytes), VSOCK_OP_RW);
	assert_int_equal(strlen(bytes), 50);
	/* One side, and then the other. */
	shutdown(fd, SHUT_WR);
	assert_int_equal(hear(m, &h, bytes), VSOCK_OP_SHUTDOWN);
	assert_int_equal(le32_get(h.flags), VSOCK_NO_SEND);
	say(m, VSOCK_OP_RW, 50, 1234, "last words");
	assert_string_equal(socket_says(m, fd), "last words");
	h = packet(VSOCK_OP_SHUTDOWN, 50, 1234, 0);
	h.flags = le32(VSOCK_NO_RECV | VSOCK_NO_SEND);
	say_header(m, h, NULL);
	assert_int_equal(hear(m, &h, bytes), VSOCK_OP_RST);
	assert_string_equal(socket_says(m, fd), "");
	close(fd);
	close(server);
	unlink(path);
	/* Nobody there; nobody is told who did not ask. */
	say(m, VSOCK_OP_REQUEST, 50, 1234, NULL);
	assert_int_equal(hear(m, &h, bytes), VSOCK_OP_RST);
	say(m, VSOCK_OP_RW, 51, 1234, "x");
	assert_int_equal(hear(m, &h, bytes), VSOCK_OP_RST);
	assert_int_equal(le32_get(h.dst_port), 51);
	say(m, VSOCK_OP_RST, 51, 1234, NULL);
	assert_int_equal(hear(m, &h, bytes), 0);
	/* Another type, another guest. */
	h = packet(VSOCK_OP_REQUEST, 50, 1234, 0);
	h.type = le16(2);
	say_header(m, h, NULL);
	assert_int_equal(hear(m, &h, bytes), VSOCK_OP_RST);
	h = packet(VSOCK_OP_REQUEST, 50, 1234, 0);
	h.src_cid = le64(CID + 1);
	say_header(m, h, NULL);
	assert_int_equal(hear(m, &h, bytes), 0);
}

/* The host connects to the guest. */
static void from_host(void **state)
{
	struct machine *m = *state;
	int fd = fd_connect_unix(m->path), other = fd_connect_unix(m->path);
	struct vsock_header h;
	char bytes[BUFFER];
	uint32_t port;

	assert_true(fd >= 0 && other >= 0);
	assert_int_equal(send(fd, "CONNECT 9", 9, 0), 9);
	assert_int_equal(hear(m, &h, bytes), 0);
	assert_int_equal(send(fd, "9\nearly", 7, 0), 7);
	assert_int_equal(hear(m, &h, bytes), VSOCK_OP_REQUEST);
	assert_int_equal(le32_get(h.dst_port), 99);
	port = le32_get(h.src_port);
	assert_string_equal(socket_says(m, fd), "(nothing)");
	say(m, VSOCK_OP_RESPONSE, 99, port, NULL);
	sprintf(bytes, "OK %u\n", port);
	assert_string_equal(socket_says(m, fd), bytes);
	assert_int_equal(hear(m, &h, bytes), VSOCK_OP_RW);
	assert_string_equal(bytes, "early");
	/* A second stream has a port of its own; a word that is none ends a third. */
	assert_int_equal(send(other, "CONNECT 99\n", 11, 0), 11);
	assert_int_equal(hear(m, &h, bytes), VSOCK_OP_REQUEST);
	assert_int_not_equal(le32_get(h.src_port), port);
	say(m, VSOCK_OP_RST, 99, le32_get(h.src_port), NULL);
	assert_string_equal(socket_says(m, other), "");
	close(other);
	other = fd_connect_unix(m->path);
	assert_int_equal(send(other, "HELLO\n", 6, 0), 6);
	assert_string_equal(socket_says(m, other), "");
	/* The guest's driver is gone, and so is the stream. */
	set(m, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	assert_string_equal(socket_says(m, fd), "");
	close(other);
	close(fd);
}

/* The host does not read: the guest may send what we keep, and no more. */
static void pressure(void **state)
{
	struct machine *m = *state;
	char path[80], bytes[BUFFER], chunk[BUFFER];
	int server = listen_at(m, 1, path), fd;
	size_t sent = 0, got = 0;
	struct vsock_header h;
	uint32_t told = 0;

	say(m, VSOCK_OP_REQUEST, 50, 1, NULL);
	assert_int_equal(hear(m, &h, bytes), VSOCK_OP_RESPONSE);
	fd = accept(server, NULL, NULL);
	memset(chunk, 0, sizeof(chunk));
	for (int i = 0; i < 1000 && sent - told + 4000 <= VSOCK_BUF; i++) {
		for (int k = 0; k < 4000; k++)
			chunk[k] = (char)((sent + (size_t)k) % 251);
		say_header(m, packet(VSOCK_OP_RW, 50, 1, 4000), chunk);
		sent += 4000;
		while (hear(m, &h, bytes) == VSOCK_OP_CREDIT_UPDATE) {
			told = le32_get(h.fwd_cnt);
			offer(m, RX, BUFFER);
		}
	}
	assert_true(told > 0 && sent > VSOCK_BUF && sent < 2000000);
	/* All of it is there, in order. */
	while (got < sent) {
		ssize_t n;

		run(m);
		n = recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT);
		assert_true(n > 0);
		for (ssize_t k = 0; k < n; k++)
			assert_int_equal((uint8_t)chunk[k], (got + (size_t)k) % 251);
		got += (size_t)n;
	}
	close(fd);
	close(server);
	unlink(path);
}

/* It takes no packets and has ever more streams refused. */
static void deaf(void **state)
{
	struct machine *m = *state;
	struct vsock_header h;
	char bytes[BUFFER];
	int heard = 0;

	start(m, 0);
	for (uint32_t i = 0; i < 2 * VIRTIO_VSOCK_STREAMS; i++)
		say(m, VSOCK_OP_REQUEST, i, 1, NULL);
	for (int i = 0; i < 2 * VIRTIO_VSOCK_STREAMS; i++) {
		offer(m, RX, BUFFER);
		heard += hear(m, &h, bytes) == VSOCK_OP_RST;
	}
	assert_int_equal(heard, VIRTIO_VSOCK_STREAMS);
}

static const struct vring_used *events(struct machine *m)
{
	run(m);
	return (const void *)at(m, ring_at(EVENTS) + 0x2000);
}

/* Saved with a stream: it lives in this process, and the driver of the next is told. */
static void moved(void **state)
{
	struct machine *m = *state;
	struct state_out out = { .data = NULL };
	int fd = fd_connect_unix(m->path);
	struct vsock_header h;
	char bytes[BUFFER];
	struct state s;

	offer(m, EVENTS, BUFFER);
	assert_int_equal(send(fd, "CONNECT 9\n", 10, 0), 10);
	assert_int_equal(hear(m, &h, bytes), VSOCK_OP_REQUEST);
	virtio_freeze(m->dev);
	say(m, VSOCK_OP_RESPONSE, 9, le32_get(h.src_port), NULL);
	assert_string_equal(socket_says(m, fd), "(nothing)");
	virtio_save(m->dev, &out);
	assert_false(out.failed);
	virtio_thaw(m->dev);
	assert_memory_equal(socket_says(m, fd), "OK ", 3);
	assert_int_equal(events(m)->idx, 0);
	virtio_reset(m->dev);
	assert_string_equal(socket_says(m, fd), "");
	s = (struct state){ .fd = -1, .data = out.data, .size = out.size };
	m->avail[TX] = 0;
	memset(at(m, ring_at(TX)), 0, 0x4000);
	assert_null(virtio_load(m->dev, &s));
	assert_int_equal(events(m)->idx, 0);
	memset(at(m, buffer_at(EVENTS, 0)), 0xff, 8);
	virtio_thaw(m->dev);
	assert_int_equal(events(m)->idx, 1);
	assert_int_equal(events(m)->ring[0].len, 4);
	assert_memory_equal(at(m, buffer_at(EVENTS, 0)), "\0\0\0\0\xff", 5);
	state_out_free(&out);
	close(fd);
}

static bool is_broken(struct machine *m)
{
	run(m);
	return board_status(m->dev) & VIRTIO_NEEDS_RESET;
}

static void nonsense(void **state)
{
	struct machine *m = *state;
	struct vsock_header h = packet(VSOCK_OP_RW, 1, 1, 1);

	assert_false(is_broken(m));
	offer(m, TX, VSOCK_HEADER - 1);
	assert_true(is_broken(m));
	start(m, SIZE);
	assert_false(is_broken(m));
	say_header(m, h, NULL);			/* says that there is a byte */
	assert_true(is_broken(m));
	start(m, 0);
	h.len = le32(UINT32_MAX);
	say_header(m, h, NULL);
	assert_true(is_broken(m));
	start(m, 0);
	offer(m, RX, VSOCK_HEADER);
	assert_false(is_broken(m));
	say(m, VSOCK_OP_REQUEST, 1, 1, NULL);	/* to be refused, but where? */
	assert_true(is_broken(m));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(lines),
	cmocka_unit_test(credit),
	cmocka_unit_test(unasked),
	cmocka_unit_test_setup_teardown(from_guest, setup, teardown),
	cmocka_unit_test_setup_teardown(from_host, setup, teardown),
	cmocka_unit_test_setup_teardown(pressure, setup, teardown),
	cmocka_unit_test_setup_teardown(deaf, setup, teardown),
	cmocka_unit_test_setup_teardown(moved, setup, teardown),
	cmocka_unit_test_setup_teardown(nonsense, setup, teardown),
};

UNIT_MAIN(tests)
