/* SPDX-License-Identifier: BSD-2-Clause */
/* capture.c - lanbox capture: frames of a switch's port as pcap
 *
 * The switch writes a pcap stream into a pipe and hands us the other end; here
 * it goes to standard output or into a file. What can go wrong with a file is
 * our trouble, never the switch's: when the disk is full the file is cut back to
 * its last whole frame, so that it stays readable.
 */
#include "config.h"

#include "tools/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/log.h"
#include "lib/parse.h"
#include "lib/pcapfile.h"
#include "tools/qmp_client.h"

enum { CAPTURE_CHUNK = 256 << 10, CAPTURE_POLL_MS = 200 };

/* Set by a signal: stop. */
static volatile sig_atomic_t stop_wanted;

static void stop_handler(int sig UNUSED)
{
	stop_wanted = 1;
}

/**
 * struct capture_out - Where frames go
 * @fd:		File or standard output
 * @path:	Name for messages
 * @file:	It can be cut back
 * @whole:	Bytes of the stream up to the end of its last whole frame
 * @size:	Bytes of the stream written
 * @frames:	Whole frames
 * @limit:	Stop after so many, 0 = never
 * @hdr:	Header being collected, @have bytes of @need
 * @skip:	Bytes of frame left until the next header
 */
struct capture_out {
	int fd;
	const char *path;
	bool file;
	uint64_t whole;
	uint64_t size;
	uint64_t frames;
	uint64_t limit;
	uint8_t hdr[sizeof(struct pcap_file_hdr)];
	size_t have, need;
	uint64_t skip;
};

/* Follow the records in @n bytes of the stream. Return: how many of them to
 * write: all, or up to the last frame wanted. */
static size_t capture_follow(struct capture_out *out, const uint8_t *p, size_t n)
{
	size_t i = 0;

	while (i < n) {
		if (out->have < out->need) {
			out->hdr[out->have++] = p[i++];
			if (out->have < out->need)
				continue;
			if (out->need == sizeof(struct pcap_rec_hdr)) {
				struct pcap_rec_hdr rec;

				memcpy(&rec, out->hdr, sizeof(rec));
				out->skip = le32_get(rec.caplen);
			}
		}
		if (out->skip) {
			size_t some = MIN((uint64_t)(n - i), out->skip);

			i += some;
			out->skip -= some;
		}
		if (out->skip || out->have < out->need)
			continue;
		out->whole = out->size + i;
		out->frames += out->need == sizeof(struct pcap_rec_hdr);
		out->need = sizeof(struct pcap_rec_hdr);
		out->have = 0;
		if (out->limit && out->frames == out->limit)
			return i;
	}
	return n;
}

/* Write all of it, following what was written. Return: 0 or -errno. */
static int capture_write(struct capture_out *out, const uint8_t *p, size_t n)
{
	while (n) {
		ssize_t done = write(out->fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		capture_follow(out, p, (size_t)done);
		p += done;
		n -= (size_t)done;
		out->size += (size_t)done;
	}
	return 0;
}

/* Copy the stream until it ends or enough is enough. Return: 0 or -errno. */
static int capture_copy(struct capture_out *out, int pipe, bool until_stop)
{
	static uint8_t buf[CAPTURE_CHUNK];
	struct capture_out probe;
	int ret;

	while (!until_stop || !stop_wanted) {
		struct pollfd p[2] = {
			{ .fd = pipe, .events = POLLIN },
			{ .fd = out->fd },	/* its reader may go away */
		};
		ssize_t n;

		/* A signal just before poll() is noticed a moment later. */
		if (poll(p, 2, CAPTURE_POLL_MS) < 0) {
			if (errno != EINTR)
				return -errno;
			continue;
		}
		if (p[1].revents & (POLLERR | POLLHUP))
			return -EPIPE;
		if (!(p[0].revents & (POLLIN | POLLHUP)))
			continue;
		n = read(pipe, buf, sizeof(buf));
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		/* How far to the last frame wanted? */
		probe = *out;
		ret = capture_write(out, buf, capture_follow(&probe, buf, (size_t)n));
		if (ret)
			return ret;
		if (out->limit && out->frames >= out->limit)
			return 0;
	}
	return 0;
}

static int capture_open(struct capture_out *out, const char *path)
{
	struct stat st;

	*out = (struct capture_out){
		.fd = STDOUT_FILENO,
		.path = "standard output",
		.need = sizeof(struct pcap_file_hdr),
	};
	if (!path || !strcmp(path, "-")) {
		if (!isatty(STDOUT_FILENO))
			return 0;
		log_err("standard output is a terminal: use -w FILE, or "
			"| tcpdump -n -r -");
		return -EINVAL;
	}
	out->path = path;
	out->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (out->fd < 0) {
		log_err_errno(errno, "'%s'", path);
		return -errno;
	}
	out->file = !fstat(out->fd, &st) && S_ISREG(st.st_mode);
	return 0;
}

/* Say how it went; an error of the output leaves whole frames only. */
static int capture_end(struct capture_out *out, int ret, json_t *stats)
{
	json_int_t missed = json_integer_value(json_object_get(stats, "missed"));

	/* Whoever read standard output had enough: that is an end like another. */
	if (ret == -EPIPE && !out->file)
		ret = 0;
	if (ret)
		log_err_errno(-ret, "'%s'", out->path);
	if (out->file && out->whole < out->size &&
	    ftruncate(out->fd, (off_t)out->whole) < 0)
		log_err_errno(errno, "'%s'", out->path);
	if (out->fd != STDOUT_FILENO && close(out->fd) < 0 && !ret) {
		ret = -errno;
		log_err_errno(-ret, "'%s'", out->path);
	}
	fprintf(stderr, "%llu frames captured", (unsigned long long)out->frames);
	if (missed)
		fprintf(stderr, ", %lld missed: too slow", (long long)missed);
	fputc('\n', stderr);
	return ret;
}

static int capture_run(const char *dir, int port, const char *file, uint64_t limit)
{
	struct capture_out out;
	struct qmp_client client;
	json_t *reply, *id, *stats = NULL;
	char path[PATH_MAX], err[512];
	int pipe, ret;

	if (snprintf(path, sizeof(path), "%s/control", dir) >= (int)sizeof(path))
		path[0] = 0;
	ret = qmp_client_open(&client, path);
	if (ret) {
		log_err("switch '%s': %s%s", dir, strerror(-ret),
			ret == -ENOENT || ret == -ECONNREFUSED ?
			" (is lanbox-switchd running there?)" : "");
		return EXIT_FAILURE;
	}
	reply = qmp_client_run(&client, "capture-start", port < 0 ? NULL :
			       json_pack("{s:i}", "port", port), &pipe, err,
			       sizeof(err));
	if (!reply || pipe < 0) {
		log_err("switch '%s': %s", dir, reply ? "no stream came" : err);
		json_decref(reply);
		qmp_client_close(&client);
		return EXIT_FAILURE;
	}
	/* Only now: a switch that is not there leaves no empty file behind. */
	ret = capture_open(&out, file);
	if (ret)
		goto close;
	out.limit = limit;
	id = json_object_get(reply, "capture");
	ret = capture_copy(&out, pipe, true);
	stats = qmp_client_run(&client, "capture-stop",
			       json_pack("{s:O}", "capture", id), NULL, err,
			       sizeof(err));
	/* What was on its way when we stopped. */
	if (!ret && (!out.limit || out.frames < out.limit))
		ret = capture_copy(&out, pipe, false);
	ret = capture_end(&out, ret, stats);
	json_decref(stats);
close:
	json_decref(reply);
	fd_close(&pipe);
	qmp_client_close(&client);
	return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void capture_usage(FILE *to)
{
	fputs("Usage: lanbox capture [-c COUNT] [-w FILE] SWITCHDIR [PORT]\n"
	      "Write the frames of a switch as pcap: all that go in and out of PORT,\n"
	      "or without PORT each frame that comes in anywhere.\n\n"
	      "  -c COUNT  stop after COUNT frames\n"
	      "  -w FILE   into FILE instead of standard output\n\n"
	      "Example: lanbox capture /var/run/vde.ctl 2 | tcpdump -n -r -\n", to);
}

int capture_main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = stop_handler };
	const char *file = NULL;
	uint64_t limit = 0;
	unsigned int n;
	int port = -1, c;

	while ((c = getopt(argc, argv, "c:hw:")) != -1) {
		if (c == 'w') {
			file = optarg;
		} else if (c == 'c') {
			if (!parse_u64(optarg, 1, UINT64_MAX, &limit)) {
				log_err("-c '%s': not a number of frames", optarg);
				return EXIT_FAILURE;
			}
		} else {
			capture_usage(c == 'h' ? stdout : stderr);
			return c == 'h' ? EXIT_SUCCESS : EXIT_FAILURE;
		}
	}
	if (optind == argc || argc - optind > 2) {
		capture_usage(stderr);
		return EXIT_FAILURE;
	}
	if (argc - optind == 2) {
		if (!parse_uint(argv[optind + 1], 0, UINT16_MAX, &n)) {
			log_err("'%s' is not a port number", argv[optind + 1]);
			return EXIT_FAILURE;
		}
		port = (int)n;
	}
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	return capture_run(argv[optind], port, file, limit);
}
