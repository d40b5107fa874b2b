/* SPDX-License-Identifier: BSD-2-Clause */
/* end.h - One end of a cable: something frames come from and go to
 *
 * DOC: Theory of operation
 *
 * There are four kinds: a VNL (whatever libvdeplug knows: a VDE switch, udp://,
 * vxvde://...), a switch of ours by shared memory, a stream of frames over two
 * descriptors, each with its size in front (u16, big-endian), and a tap interface. To
 * whoever joins two ends they are all alike.
 *
 * Back-pressure in place of loss: an end that has no room says -EAGAIN, and calls
 * room() once it has. Who brings frames to it says so to their source: frame()
 * returns false, and that end keeps the frame, stops reading, and gives the same
 * frame again after end_hold(source, false). So nothing is lost between two ends
 * that work, and nobody needs a queue.
 *
 *	static bool frame(void *ctx, struct end *e, const void *frame, size_t size)
 *	{
 *		return end_send(other(ctx, e), frame, size) != -EAGAIN;
 *	}
 *
 *	static void room(void *ctx, struct end *e)
 *	{
 *		end_hold(other(ctx, e), false);
 *	}
 *
 * Frames have from ETH_HDR_SIZE to ETH_FRAME_MAX bytes; what else arrives is
 * counted, and nobody hears of it. A frame that an end cannot take (too long for
 * it, refused by the kernel, nobody there) is counted there.
 *
 * Some ends know frames that are not finished (lib/offload.h). An owner that has two of
 * them may tell one what the other takes (end_set_gives()). From then on it hears of
 * frames by frame_vnet(), with headers, and passes them on by end_send_vnet(). Ends make
 * sure that what is sent to them fits its header before anybody else sees it.
 *
 * An end does its work in the callbacks of the loop. It calls no handler from
 * within end_send() or end_hold().
 */
#ifndef PLUG_END_H
#define PLUG_END_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"

struct end;
struct vde_open_args;
struct vnet_hdr;

enum {
	END_BUDGET = 64,		/* frames taken at one wake-up, where each is a call */
	END_QUEUE = 256 * 1024,		/* bytes that wait for a stream to take them */
	END_STREAM_MAX = 9234,		/* the longest frame that VDE's programs take */
};

/**
 * struct end_handler - What the owner of an end wants to hear
 * @frame:	A frame came; borrowed, valid during the call. Return: whether it was
 *		taken. If not, the end is held and gives it again after
 *		end_hold(e, false). Must not close @e
 * @frame_vnet:	The same with a header, after end_set_gives(); may be NULL without
 * @room:	After end_send() said -EAGAIN: it is worth trying again. May close @e
 * @gone:	The other side has closed it (@err 0), or it broke (@err positive
 *		errno). Nothing comes from @e any more, and what is sent to it is
 *		dropped. May close @e
 */
struct end_handler {
	bool (*frame)(void *ctx, struct end *e, const void *frame, size_t size);
	bool (*frame_vnet)(void *ctx, struct end *e, const struct vnet_hdr *hdr,
			   const void *frame, size_t size);
	void (*room)(void *ctx, struct end *e);
	void (*gone)(void *ctx, struct end *e, int err);
};

/**
 * struct end_stats - What became of the frames
 * @rx:		Frames that came and were taken
 * @rx_bytes:	Their bytes
 * @rx_bad:	Shorter than a header, or longer than a frame can be
 * @tx:		Frames sent, or queued for a stream
 * @tx_bytes:	Their bytes
 * @tx_long:	Not sent: longer than this end takes
 * @tx_lost:	Not sent: refused by the kernel, or nobody was there
 */
struct end_stats {
	uint64_t rx, rx_bytes, rx_bad;
	uint64_t tx, tx_bytes, tx_long, tx_lost;
};

/**
 * struct end_vnl_args - Where a VNL leads and how it is opened; borrowed for as long
 * as the end lives
 * @vnl:	Name; "" is the default switch
 * @descr:	What the switch shows
 * @open:	Port, group and mode, or NULL
 * @retry_s:	When it goes away, look for it, at most so many seconds between two
 *		attempts, and drop frames meanwhile; 0: it is gone
 */
struct end_vnl_args {
	const char *vnl;
	const char *descr;
	const struct vde_open_args *open;
	double retry_s;
};

/**
 * end_open_vnl() - Open a VNL
 * @out:	Set to the end
 * @loop:	Event loop, borrowed
 * @args:	See there; borrowed
 *
 * libvdeplug waits for a switch's answer without a limit, and so does this.
 *
 * Return: 0 or -errno, logged
 */
int end_open_vnl(struct end **out, struct ev_loop *loop,
		 const struct end_vnl_args *args) MUST_CHECK;

/**
 * end_open_ring() - Plug into a switch of ours by shared memory
 * @out:	Set to the end
 * @loop:	Event loop, borrowed
 * @args:	See there; its VNL is a name lanbox://
 * @takes:	Features that frames may need which come from it (lib/offload.h)
 *
 * A switch that goes away is looked for, as long as it takes. It takes all frames that
 * are not finished, as the end finishes those that the switch does not.
 *
 * Return: 0; -ENOENT, -ECONNREFUSED or -ENOTSUP if the VNL is another one, or the switch
 * has no shared memory, and nothing was logged; or another -errno, logged
 */
int end_open_ring(struct end **out, struct ev_loop *loop, const struct end_vnl_args *args,
		  uint64_t takes) MUST_CHECK;

/**
 * end_open_stream() - Frames as a stream of bytes
 * @out:	Set to the end
 * @loop:	Event loop, borrowed
 * @in:		Descriptor to read, owned by the end from now on
 * @out_fd:	Descriptor to write, owned likewise; may be @in
 * @name:	What messages call it; borrowed
 *
 * Sends no frame longer than END_STREAM_MAX (see end_set_limit()): a program that
 * does not expect it would lose its way in the stream. Takes any.
 *
 * Return: 0 or -errno, logged, with both descriptors closed
 */
int end_open_stream(struct end **out, struct ev_loop *loop, int in, int out_fd,
		    const char *name) MUST_CHECK;

/**
 * end_open_tap() - A tap interface of the host, made if it is not there
 * @out:	Set to the end
 * @loop:	Event loop, borrowed
 * @name:	Its name; borrowed
 *
 * Return: 0 or -errno, logged
 */
int end_open_tap(struct end **out, struct ev_loop *loop, const char *name) MUST_CHECK;

/* Begin to read. @h is borrowed; @ctx is passed to it. */
void end_start(struct end *e, const struct end_handler *h, void *ctx);

/* The longest frame that may be sent to it, at most ETH_FRAME_MAX bytes. */
void end_set_limit(struct end *e, size_t size);

/**
 * end_send() - Send a frame
 * @e:		Where to
 * @frame:	@size bytes, copied if they cannot be sent now
 * @size:	Bytes
 *
 * Return: 0 if @e has dealt with it; -EAGAIN if it has no room: again after room();
 * -EMSGSIZE if the frame is longer than @e takes, or no frame at all
 */
int end_send(struct end *e, const void *frame, size_t size);

/* Features that frames may need which are sent to it by end_send_vnet(). */
uint64_t end_takes(const struct end *e);

/* Before end_start(): frames that come from it may need these features. */
void end_set_gives(struct end *e, uint64_t takes);

/* The same as end_send() with a header, for an end that takes what it says. */
int end_send_vnet(struct end *e, const struct vnet_hdr *hdr, const void *frame, size_t size);

/* Stop or go on reading. Also after a frame() that returned false. */
void end_hold(struct end *e, bool hold);

const struct end_stats *end_stats(const struct end *e);

/* What messages call it. */
const char *end_name(const struct end *e);

/* Close it; what waits and cannot be written at once is lost. Harmless on NULL. */
void end_close(struct end *e);

/* For the kinds of ends; nobody else looks below here. */

/**
 * struct end_ops - A kind of end
 * @send:	Send a frame of valid size. Return: 0, -EAGAIN (call end_room() later),
 *		or another -errno if it was lost
 * @send_vnet:	The same with a header; NULL if @takes of the end is 0
 * @gives:	See end_set_gives(); may be NULL
 * @hold:	Stop or go on reading
 * @close:	Release everything, the structure, too
 */
struct end_ops {
	int (*send)(struct end *e, const void *frame, size_t size);
	int (*send_vnet)(struct end *e, const struct vnet_hdr *hdr, const void *frame,
			 size_t size);
	void (*gives)(struct end *e, uint64_t takes);
	void (*hold)(struct end *e, bool hold);
	void (*close)(struct end *e);
};

/**
 * struct end - What all kinds have; embedded in theirs
 * @ops:	The kind
 * @handler:	The owner's, NULL before end_start()
 * @ctx:	The owner's
 * @loop:	Event loop
 * @limit:	The longest frame that may be sent
 * @takes:	See end_takes()
 * @name:	What messages call it
 * @stats:	What became of the frames
 * @held:	The owner wants no frame now, or not yet
 * @starved:	Somebody waits for room
 * @dead:	gone() was called
 */
struct end {
	const struct end_ops *ops;
	const struct end_handler *handler;
	void *ctx;
	struct ev_loop *loop;
	size_t limit;
	uint64_t takes;
	char name[256];
	struct end_stats stats;
	bool held;
	bool starved;
	bool dead;
};

/* Fill what all kinds have. */
void end_init(struct end *e, const struct end_ops *ops, struct ev_loop *loop,
	      const char *kind, const char *name);

/* A frame came. Return: whether it is done with; if not, keep it, @e is held. */
bool end_frame(struct end *e, const void *frame, size_t size);

/* The same with a header. */
bool end_frame_vnet(struct end *e, const struct vnet_hdr *hdr, const void *frame, size_t size);

/* There is room: tell who waits for it. @e may be closed after. */
void end_room(struct end *e);

/* It is gone for good. @e may be closed after. */
void end_gone(struct end *e, int err);

#endif /* PLUG_END_H */
