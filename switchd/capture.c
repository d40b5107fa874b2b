/* SPDX-License-Identifier: BSD-2-Clause */
/* capture.c - Copies of frames, as a pcap stream into a pipe */
#include "config.h"

#include "switchd/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/pcapfile.h"
#include "switchd/frame_pcap.h"
#include "switchd/vsw.h"
#include "switchd/watch.h"

enum { CAPTURE_PIPE = 1 << 20 };

/**
 * struct capture - A capture under way
 * @w:		Watches the pipe for room while @size is not zero
 * @watcher:	Sees the frames
 * @vsw:	The switch
 * @next:	Next capture
 * @id:		Its number
 * @port:	Port, or CAPTURE_ALL_PORTS
 * @ending:	No more frames; goes when the buffer is empty
 * @frames:	Captured
 * @missed:	Not captured for want of room
 * @start:	First byte of @buf not yet written
 * @size:	Bytes not yet written
 * @buf:	CAPTURE_BUFFER bytes
 */
struct capture {
	ev_io w;
	struct watcher watcher;
	struct vsw *vsw;
	struct capture *next;
	unsigned int id;
	int port;
	bool ending;
	uint64_t frames;
	uint64_t missed;
	size_t start;
	size_t size;
	uint8_t *buf;
};

static void capture_free(struct capture *cap)
{
	struct capture **p = &cap->vsw->captures;

	while (*p != cap)
		p = &(*p)->next;
	*p = cap->next;
	watch_remove(cap->vsw, &cap->watcher);
	ev_io_stop(cap->vsw->loop, &cap->w);
	close(cap->w.fd);
	free(cap->buf);
	free(cap);
}

/* Write what the pipe takes. Return: false if the capture is over (and freed). */
static bool capture_flush(struct capture *cap)
{
	while (cap->size) {
		ssize_t n = write(cap->w.fd, cap->buf + cap->start, cap->size);

		if (n < 0 && errno == EAGAIN)
			return true;
		if (n < 0 && errno != EINTR) {
			capture_free(cap);
			return false;
		}
		if (n > 0) {
			cap->start += (size_t)n;
			cap->size -= (size_t)n;
		}
	}
	cap->start = 0;
	ev_io_stop(cap->vsw->loop, &cap->w);
	if (!cap->ending)
		return true;
	capture_free(cap);
	return false;
}

/* No more frames; it goes when the reader has what is buffered. */
static void capture_end(struct capture *cap)
{
	cap->ending = true;
	watch_remove(cap->vsw, &cap->watcher);
	capture_flush(cap);
}

static void capture_cb(struct ev_loop *loop UNUSED, ev_io *w, int revents UNUSED)
{
	capture_flush(container_of(w, struct capture, w));
}

/* Append bytes to the buffer; they go out when the event loop comes round. */
static void *capture_append(struct capture *cap, size_t size)
{
	void *p;

	if (size > CAPTURE_BUFFER - cap->size)
		return NULL;
	if (cap->start + cap->size + size > CAPTURE_BUFFER) {
		memmove(cap->buf, cap->buf + cap->start, cap->size);
		cap->start = 0;
	}
	p = cap->buf + cap->start + cap->size;
	cap->size += size;
	ev_io_start(cap->vsw->loop, &cap->w);
	return p;
}

static void capture_frame(struct capture *cap, const struct frame *frame,
			  struct timespec now)
{
	uint8_t *p = capture_append(cap, frame_pcap_size(frame));

	if (!p) {
		cap->missed++;
		return;
	}
	frame_pcap_write(frame, now, p);
	cap->frames++;
}

static void capture_in(struct watcher *watcher, const struct endpoint *from,
		       const struct frame *frames, unsigned int n)
{
	struct capture *cap = container_of(watcher, struct capture, watcher);
	struct timespec now;

	if (cap->port != CAPTURE_ALL_PORTS && cap->port != from->port->id)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	for (unsigned int i = 0; i < n; i++)
		capture_frame(cap, &frames[i], now);
}

static void capture_out(struct watcher *watcher, const struct port *to,
			const struct frame *const *frames, unsigned int n)
{
	struct capture *cap = container_of(watcher, struct capture, watcher);
	struct timespec now;

	if (cap->port != to->id)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	for (unsigned int i = 0; i < n; i++)
		capture_frame(cap, frames[i], now);
}

/* Forget captures whose reader went away while there was nothing to write. */
static void capture_reap(struct vsw *vsw)
{
	struct capture *cap = vsw->captures, *next;

	for (; cap; cap = next) {
		struct pollfd p = { .fd = cap->w.fd };

		next = cap->next;
		if (poll(&p, 1, 0) == 1 && p.revents & POLLERR)
			capture_free(cap);
	}
}

int capture_start(struct vsw *vsw, int port, unsigned int *id)
{
	struct pcap_file_hdr hdr = pcap_file_hdr(ETH_FRAME_MAX);
	unsigned int count = 0, last = 0;
	struct capture *cap;
	int fds[2], ret;

	capture_reap(vsw);
	for (cap = vsw->captures; cap; cap = cap->next, count++)
		last = MAX(last, cap->id);
	if (count == CAPTURE_MAX)
		return -EBUSY;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	ret = fd_set_nonblock(fds[1], true);
	cap = calloc(1, sizeof(*cap));
	if (cap)
		cap->buf = malloc(CAPTURE_BUFFER);
	if (ret || !cap || !cap->buf) {
		close(fds[0]);
		close(fds[1]);
		free(cap);
		return ret ? ret : -ENOMEM;
	}
	/* More room is welcome, the default is enough. */
	fcntl(fds[1], F_SETPIPE_SZ, CAPTURE_PIPE);
	cap->vsw = vsw;
	cap->port = port;
	cap->id = *id = last + 1;
	cap->next = vsw->captures;
	vsw->captures = cap;
	cap->watcher.in = capture_in;
	cap->watcher.out = port == CAPTURE_ALL_PORTS ? NULL : capture_out;
	watch_add(vsw, &cap->watcher);
	ev_io_init(&cap->w, capture_cb, fds[1], EV_WRITE);
	memcpy(capture_append(cap, sizeof(hdr)), &hdr, sizeof(hdr));
	return fds[0];
}

int capture_stop(struct vsw *vsw, unsigned int id, uint64_t *frames,
		 uint64_t *missed)
{
	for (struct capture *cap = vsw->captures; cap; cap = cap->next) {
		if (cap->id != id || cap->ending)
			continue;
		*frames = cap->frames;
		*missed = cap->missed;
		capture_end(cap);
		return 0;
	}
	return -ENOENT;
}

void capture_port_gone(struct vsw *vsw, uint16_t port)
{
	struct capture *cap = vsw->captures, *next;

	for (; cap; cap = next) {
		next = cap->next;
		if (cap->port != port)
			continue;
		capture_end(cap);
	}
}

void capture_stop_all(struct vsw *vsw)
{
	while (vsw->captures)
		capture_free(vsw->captures);
}
