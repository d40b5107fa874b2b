/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz-control.c - What programs say to a control socket, and people to the monitor
 *
 * The input goes to a VM without processors (tests/harness/rig.h): in pieces through the
 * socket of -qmp, or as lines of the monitor. Its disk keeps nothing (-snapshot), so that
 * the VM cannot be saved: no file is written.
 *
 * What must be true:
 *
 * - What comes back are JSON objects, a line each: a greeting, then events and replies, no
 *   more than there were commands; a reply is a value or an error with class and text.
 * - The connection stays, whatever was said, and so do others: a second one is answered as
 *   ever.
 * - What the monitor says are lines.
 */
#include "config.h"

#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <jansson.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/qmp.h"
#include "tests/harness/rig.h"
#include "vmm/control.h"
#include "vmm/monitor.h"
#include "vmm/pause.h"
#include "vmm/save.h"
#include "vmm/vcpu.h"

enum { HEARD = 1 << 20, TURNS = 4, LINE = 512 };

/** struct client - A program at the socket
 * @heard:	All that it was told, @size bytes and a NUL
 * @closed:	The connection has ended
 */
struct client {
	int fd;
	char *heard;
	size_t size;
	bool closed;
};

static void start(struct rig *r)
{
	static char path[64];

	snprintf(path, sizeof(path), "/tmp/lanbox-rig-%d.qmp", (int)getpid());
	setenv("TMPDIR", "/dev/shm", 0);
	rig_options(r);
	r->opt.drive[0].snapshot = true;
	r->opt.qmp[0] = path;
	r->opt.qmps = 1;
	rig_start(r);
	r->vm->vcpus = fuzz_alloc(r->opt.cpus * sizeof(*r->vm->vcpus));
	for (unsigned int i = 0; i < r->opt.cpus; i++)
		r->vm->vcpus[i] = (struct vcpu){ .vm = r->vm, .id = i, .fd = -1 };
	FUZZ_CHECK(!save_create(r->vm, &r->vm->save) &&
		   !control_create(r->vm, &r->vm->control), "the socket: %s", rig_log.last);
}

static void stop(struct rig *r)
{
	free(r->vm->vcpus);
	r->vm->vcpus = NULL;
	rig_stop(r);
}

/* The socket. */

static void listen_to(struct rig *r, struct client *c)
{
	for (int i = 0; i < TURNS; i++) {
		ssize_t n = -1;

		ev_run(r->vm->loop, EVRUN_NOWAIT);
		do {
			n = recv(c->fd, c->heard + c->size, HEARD - 1 - c->size, MSG_DONTWAIT);
			c->size += n > 0 ? (size_t)n : 0;
		} while (n > 0);
		c->closed |= !n || (n < 0 && errno != EAGAIN);
	}
	c->heard[c->size] = 0;
}

static void come(struct rig *r, struct client *c)
{
	*c = (struct client){ .fd = fd_connect_unix(r->opt.qmp[0]),
			      .heard = fuzz_alloc(HEARD) };
	FUZZ_CHECK(c->fd >= 0, "nobody listens");
	listen_to(r, c);
}

static void leave(struct client *c)
{
	close(c->fd);
	free(c->heard);
}

static void speak(struct rig *r, struct client *c, const void *bytes, size_t size)
{
	FUZZ_CHECK(!size || send(c->fd, bytes, size, MSG_NOSIGNAL) == (ssize_t)size,
		   "the connection has ended");
	listen_to(r, c);
}

/* Read what was heard. Return: how many replies there were. */
static unsigned int replies(const struct client *c)
{
	unsigned int n = 0, lines = 0;

	for (const char *p = c->heard, *end; *p; p = end + 2, lines++) {
		json_t *v, *error;
		json_error_t why;

		end = strstr(p, "\r\n");
		FUZZ_CHECK(end, "half a line: %s", p);
		v = json_loadb(p, (size_t)(end - p), 0, &why);
		FUZZ_CHECK(json_is_object(v), "no object (%s): %.*s", why.text,
			   (int)(end - p), p);
		error = json_object_get(v, "error");
		if (!lines) {
			FUZZ_CHECK(json_object_get(v, "QMP"), "no greeting");
		} else if (json_object_get(v, "event")) {
			FUZZ_CHECK(json_object_get(v, "timestamp"), "an event without a time");
		} else {
			FUZZ_CHECK(!json_object_get(v, "return") != !error, "no reply: %.*s",
				   (int)(end - p), p);
			FUZZ_CHECK(!error ||
				   (json_string_value(json_object_get(error, "class")) &&
				    json_string_value(json_object_get(error, "desc"))[0]),
				   "an error without a word: %.*s", (int)(end - p), p);
			n++;
		}
		json_decref(v);
	}
	FUZZ_CHECK(lines, "no greeting");
	return n;
}

/* There is at least a letter to each command. */
static void fuzz_socket(struct rig *r, struct fuzz_in *in)
{
	static const char hello[] = "{\"execute\": \"qmp_capabilities\"}\n";
	static const char query[] = "{\"execute\": \"query-status\", \"id\": [1, {}]}\n";
	unsigned int commands = 0, n;
	struct client c, other;
	uint8_t bytes[256];

	come(r, &c);
	come(r, &other);
	if (fuzz_u8(in) & 1) {
		speak(r, &c, hello, sizeof(hello) - 1);
		commands++;
	}
	while (in->left) {
		size_t size = (size_t)fuzz_u8(in) + 1;

		size = MIN(size, in->left);
		fuzz_bytes(in, bytes, size);
		for (size_t i = 0; i < size; i++)
			commands += bytes[i] == '\n' || bytes[i] == '}' || bytes[i] == ']';
		speak(r, &c, bytes, size);
		FUZZ_CHECK(!c.closed, "the connection has ended");
	}
	n = replies(&c);
	FUZZ_CHECK(n <= commands, "%u replies to %u commands", n, commands);
	speak(r, &other, hello, sizeof(hello) - 1);
	speak(r, &other, query, sizeof(query) - 1);
	FUZZ_CHECK(replies(&other) == 2 && strstr(other.heard, "\"id\": [1, {}]"),
		   "the other program heard %s", other.heard);
	leave(&c);
	leave(&other);
}

/* The monitor. */

static void fuzz_monitor(struct rig *r, struct fuzz_in *in)
{
	char line[LINE], *text = NULL;
	size_t size;

	while (in->left) {
		FILE *to = open_memstream(&text, &size);
		size_t n = 0;

		FUZZ_CHECK(to, "no memory");
		while (in->left && n < LINE - 1) {
			line[n] = (char)fuzz_u8(in);
			if (line[n] == '\n' || !line[n])
				break;
			n++;
		}
		line[n] = 0;
		monitor_run(r->vm, line, to);
		fclose(to);
		FUZZ_CHECK(!size || text[size - 1] == '\n', "half a line: %s", text);
		FUZZ_CHECK(strlen(text) == size, "a NUL");
		free(text);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	struct rig r;

	start(&r);
	if (fuzz_u8(&in) & 1)
		fuzz_monitor(&r, &in);
	else
		fuzz_socket(&r, &in);
	FUZZ_CHECK(!save_is_active(r.vm), "it is being saved");
	rig_spin(&r);
	rig_check_device(&r, RIG_BALLOON);
	stop(&r);
	return 0;
}
