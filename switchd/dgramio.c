/* SPDX-License-Identifier: BSD-2-Clause */
/* dgramio.c - Frames as datagrams of a connected socket, a batch at a time */
#include "config.h"

#include "switchd/dgramio.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "switchd/port.h"
#include "switchd/rxbuf.h"
#include "switchd/vsw.h"

bool dgramio_input(struct endpoint *ep, int fd)
{
	struct vsw *vsw = ep->port->vsw;
	struct frame frames[FRAME_BATCH];
	struct mmsghdr msgs[FRAME_BATCH];
	struct iovec iov[FRAME_BATCH];
	unsigned int n = 0;
	int got;

	for (unsigned int i = 0; i < FRAME_BATCH; i++) {
		iov[i] = (struct iovec){ vsw->rx[i].b, RXBUF_SIZE };
		msgs[i] = (struct mmsghdr){
			.msg_hdr = { .msg_iov = &iov[i], .msg_iovlen = 1 },
		};
	}
	/* MSG_TRUNC: the size of what was sent, also if it did not fit. */
	got = recvmmsg(fd, msgs, FRAME_BATCH, MSG_DONTWAIT | MSG_TRUNC, NULL);
	for (int i = 0; i < got; i++) {
		size_t size = msgs[i].msg_len;

		if (!size)
			continue;
		iov[i].iov_len = MIN(size, (size_t)RXBUF_SIZE);
		frames[n++] = (struct frame){
			.head = vsw->rx[i].b,
			.head_size = iov[i].iov_len,
			.size = size,
			.iov = &iov[i],
			.iovcnt = 1,
		};
	}
	if (n)
		vsw_input(ep, frames, n);
	return got > 0;
}

unsigned int dgramio_send(struct endpoint *ep, int fd, const struct frame *const *frames,
			  unsigned int n)
{
	struct mmsghdr msgs[FRAME_BATCH];
	unsigned int done = 0;

	for (unsigned int i = 0; i < n; i++)
		msgs[i] = (struct mmsghdr){
			.msg_hdr = {
				.msg_iov = (struct iovec *)(uintptr_t)frames[i]->iov,
				.msg_iovlen = frames[i]->iovcnt,
			},
		};
	while (done < n) {
		int sent = sendmmsg(fd, msgs + done, n - done,
				    MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent > 0) {
			for (int i = 0; i < sent; i++)
				endpoint_sent(ep, 1, frames[done++]->size);
		} else if (errno == EAGAIN) {
			break;
		} else if (errno == EMSGSIZE) {
			endpoint_drop(ep, DROP_TOO_LONG, 1);
			done++;
		} else if (errno == ENOBUFS || errno == ENOMEM || errno == EINTR ||
			   errno == EFAULT) {
			/* EFAULT is the sender's doing: its memory vanished. */
			endpoint_drop(ep, DROP_TX_ERROR, 1);
			done++;
		} else {
			endpoint_dead(ep, "cannot send to it: %s", strerror(errno));
			break;
		}
	}
	return done;
}
