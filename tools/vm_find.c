/* SPDX-License-Identifier: BSD-2-Clause */
/* vm_find.c - Running VMs in a user's folder, and talking to one */
#include "config.h"

#include "tools/vm_find.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/log.h"
#include "lib/parse.h"

int vm_find_dir(const char *user, char dir[static RUNDIR_PATH])
{
	const struct passwd *pw = user ? getpwnam(user) : NULL;
	unsigned int number = geteuid();
	int ret;

	if (pw)
		number = pw->pw_uid;
	else if (user && !parse_uint(user, 0, UINT32_MAX - 1, &number)) {
		log_err("there is no user '%s'", user);
		return -EINVAL;
	}
	ret = user ? rundir_find_of(number, dir) : rundir_find(dir);
	if (!ret)
		ret = rundir_check(dir, number);
	if (ret == -EPERM)
		log_err("'%s' is no folder of that user alone; what is there is not believed",
			dir);
	else if (ret && ret != -ENOENT)
		log_err_errno(-ret, "'%s'", dir);
	return ret;
}

/* Names. */

/* Whether an entry of the folder is a control socket. */
static int is_control(const struct dirent *d)
{
	size_t len = strlen(d->d_name), suffix = strlen(RUNDIR_CONTROL);

	return d->d_name[0] != '.' && len > suffix &&
	       !strcmp(d->d_name + len - suffix, RUNDIR_CONTROL);
}

int vm_find_names(const char *dir, char ***names)
{
	struct dirent **entries;
	int n = scandir(dir, &entries, is_control, alphasort), err = errno;
	size_t size = sizeof(**names);
	char *text;

	if (n < 0)
		return -err;
	for (int i = 0; i < n; i++)
		size += sizeof(**names) + strlen(entries[i]->d_name);
	*names = malloc(size);
	text = *names ? (char *)(*names + n + 1) : NULL;
	for (int i = 0; i < n; i++) {
		size_t len = strlen(entries[i]->d_name) - strlen(RUNDIR_CONTROL);

		if (*names) {
			(*names)[i] = memcpy(text, entries[i]->d_name, len);
			text[len] = 0;
			text += len + 1;
		}
		free(entries[i]);
	}
	free(entries);
	if (!*names)
		return -ENOMEM;
	(*names)[n] = NULL;
	return n;
}

/* Connecting. */

/* Nobody listens: remove what is left, unless somebody has come meanwhile. */
static void remove_stale(const char *dir, const char *name, const char *control)
{
	char console[RUNDIR_PATH];
	int lock, fd;

	if (rundir_check(dir, geteuid()))
		return;
	lock = rundir_lock(dir);
	if (lock < 0)
		return;
	fd = fd_connect_unix(control);
	if (fd == -ECONNREFUSED) {
		unlink(control);
		if (!rundir_socket(dir, name, RUNDIR_CONSOLE, console))
			unlink(console);
	}
	fd_close(&fd);
	fd_close(&lock);
}

static int peer_cred(int sock, struct ucred *peer)
{
	socklen_t size = sizeof(*peer);

	return getsockopt(sock, SOL_SOCKET, SO_PEERCRED, peer, &size) < 0 ? -errno : 0;
}

bool vm_peer_is_of(int sock, uid_t uid)
{
	struct ucred peer;

	return !peer_cred(sock, &peer) && peer.uid == uid;
}

/* Who is at the other end. */
static int peer_process(struct vm_peer *vm, int fd, const char *dir)
{
	struct ucred peer;
	struct stat st;
	int ret;

	ret = lstat(dir, &st) < 0 ? -errno : peer_cred(fd, &peer);
	if (ret)
		return ret;
	if (peer.uid != st.st_uid)
		return -EPERM;
	vm->uid = peer.uid;
	vm->pid = peer.pid;
	vm->pidfd = (int)syscall(SYS_pidfd_open, peer.pid, 0);
	return vm->pidfd < 0 ? -errno : 0;
}

int vm_find(const char *dir, const char *name, struct vm_peer *vm)
{
	char path[RUNDIR_PATH];
	int fd, ret;

	*vm = (struct vm_peer){ .pidfd = -1, .client.sock = -1 };
	if (!rundir_name_fits(name) || rundir_socket(dir, name, RUNDIR_CONTROL, path))
		return -ENOENT;
	fd = fd_connect_unix(path);
	if (fd == -ECONNREFUSED) {
		remove_stale(dir, name, path);
		return -ENOENT;
	}
	if (fd < 0)
		return fd;
	ret = peer_process(vm, fd, dir);
	fd_close(&fd);
	/* It has ended between the two. */
	if (ret)
		return ret == -ESRCH ? -ENOENT : ret;
	vm->answers = !qmp_client_open(&vm->client, path);
	/* The name may lead elsewhere by now. */
	if (vm->answers && !vm_peer_is_of(vm->client.sock, vm->uid)) {
		vm_peer_close(vm);
		return -EPERM;
	}
	return 0;
}

void vm_peer_close(struct vm_peer *vm)
{
	if (vm->answers)
		qmp_client_close(&vm->client);
	vm->answers = false;
	fd_close(&vm->pidfd);
}

bool vm_peer_wait(const struct vm_peer *vm, int ms)
{
	struct pollfd p = { .fd = vm->pidfd, .events = POLLIN };
	int n;

	do
		n = poll(&p, 1, ms);
	while (n < 0 && errno == EINTR);
	return n > 0;
}
