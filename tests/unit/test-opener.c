/* SPDX-License-Identifier: BSD-2-Clause */
/* test-opener.c - The opener: what it does for the VM's process, and what it does not do
 * for one that somebody has broken into
 *
 * Its source is a part of this file, as requests that make no sense cannot be made through
 * its functions.
 */
#include "tests/unit/unit.h"

#include "vmm/opener.c"

#include <sys/prctl.h>
#include <sys/wait.h>

static char dir[] = "/tmp/test-opener.XXXXXX";

/* A path in the folder; static, of the last eight. */
static const char *in_dir(const char *name)
{
	static char paths[8][128];
	static unsigned int next;
	char *p = paths[next++ % 8];

	snprintf(p, sizeof(paths[0]), "%s/%s", dir, name);
	return p;
}

static void make_file(const char *name)
{
	int fd = open(in_dir(name), O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static bool is_there(const char *name)
{
	struct stat st;

	return !lstat(in_dir(name), &st);
}

static int setup(void **state UNUSED)
{
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state UNUSED)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static int confine(void)
{
	int ret = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : opener_landlock();

	return ret == -ENOSYS || ret == -EOPNOTSUPP ? 0 : ret;
}

/* Each is run in this process and with the processes that do it for a VM. */
static void start(bool apart)
{
	if (apart)
		assert_int_equal(opener_start(confine), 0);
	assert_true(opener_runs() == apart);
}

static void finish(void)
{
	opener_forget();
	while (wait(NULL) > 0)
		;
}

/* Names. */

static void names(void **state UNUSED)
{
	static const struct { const char *dir, *path, *name; } cases[] = {
		{ "/a", "/a/b", "b" }, { "/a/", "/a/b", "b" }, { "/a", "/a//b/c", "b/c" },
		{ "/", "/b", "b" }, { "/a", "/a/..b", "..b" }, { "/a", "/a/b..", "b.." },
		{ "/a", "/a", NULL }, { "/a", "/a/", NULL }, { "/a", "/ab", NULL },
		{ "/a", "/b/a/c", NULL }, { "/a", "a/b", NULL }, { "/a", "", NULL },
		{ "/a", "/a/..", NULL }, { "/a", "/a/../b", NULL }, { "/a", "/a/b/..", NULL },
		{ "/a", "/a/b/../../c", NULL }, { "/a", "/a//..//b", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *name = opener_save_name(cases[i].dir, cases[i].path);

		if (!cases[i].name)
			assert_null(name);
		else
			assert_string_equal(name, cases[i].name);
	}
}

/* Connecting. */

static void connects(bool apart)
{
	int here = fd_listen_unix(in_dir("here"), 0600, (gid_t)-1);
	int port = fd_listen_unix(in_dir("v_7"), 0600, (gid_t)-1);
	int line = opener_may_connect(in_dir("here"), false), fd;
	int away = opener_may_connect(in_dir("away"), false);
	int ports = opener_may_connect(in_dir("v"), true);
	unsigned int n = 0;
	int waiting[512];

	assert_true(here >= 0 && port >= 0 && line >= 0 && away >= 0 && ports >= 0);
	start(apart);
	fd = opener_connect(line, 0);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	close(fd);
	fd = opener_connect(ports, 7);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(opener_connect(ports, 8), -ENOENT);
	assert_int_equal(opener_connect(away, 0), -ENOENT);
	assert_int_equal(opener_connect(ports + 1, 0), -EBADF);
	assert_int_equal(opener_connect(-1, 0), -EBADF);
	/* One that is not asked for any more is refused, and nobody waits for one that is
	 * full. */
	close(port);
	assert_int_equal(opener_connect(ports, 7), -ECONNREFUSED);
	while (n < ARRAY_SIZE(waiting) && (fd = opener_connect(line, 0)) >= 0)
		waiting[n++] = fd;
	assert_int_equal(fd, -EAGAIN);
	while (n)
		close(waiting[--n]);
	if (apart)
		assert_int_equal(opener_may_connect(in_dir("late"), false), -ENOSPC);
	finish();
	close(here);
	unlink(in_dir("here"));
	unlink(in_dir("v_7"));
}

static void connecting(void **state UNUSED)
{
	connects(false);
	connects(true);
}

/* Removing. */

static void removes(bool apart)
{
	make_file("mine");
	make_file("changed");
	make_file("other");
	assert_true(opener_may_remove(in_dir("mine")) >= 0);
	assert_true(opener_may_remove(in_dir("changed")) >= 0);
	assert_int_equal(opener_may_remove(in_dir("nothing")), -ENOENT);
	assert_int_equal(rename(in_dir("other"), in_dir("changed")), 0);
	make_file("other");
	start(apart);
	opener_remove(in_dir("mine"));
	assert_false(is_there("mine"));
	/* Somebody else's in its place. */
	opener_remove(in_dir("changed"));
	assert_true(is_there("changed"));
	/* What is in no list goes only where there is no sandbox. */
	opener_remove(in_dir("other"));
	assert_true(is_there("other") == apart);
	finish();
	unlink(in_dir("changed"));
	unlink(in_dir("other"));
}

static void removing(void **state UNUSED)
{
	removes(false);
	removes(true);
}

/* Saved states. */

static void write_state(const char *name, const char *text, bool keep)
{
	int fd = opener_save_begin(in_dir(name));

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	assert_int_equal(opener_save_end(keep), 0);
}

static void expect_text(const char *name, const char *text)
{
	char buf[32] = "";
	int fd = open(in_dir(name), O_RDONLY);

	assert_true(fd >= 0 && read(fd, buf, sizeof(buf) - 1) >= 0);
	close(fd);
	assert_string_equal(buf, text);
}

static void saves(bool apart)
{
	struct stat st;

	assert_int_equal(opener_save_begin(in_dir("states/one")), -EACCES);
	assert_int_equal(mkdir(in_dir("states"), 0700), 0);
	assert_int_equal(mkdir(in_dir("states/sub"), 0700), 0);
	assert_int_equal(mkdir(in_dir("secret"), 0700), 0);
	assert_int_equal(symlink("../secret", in_dir("states/away")), 0);
	assert_int_equal(symlink("../secret/one", in_dir("states/link")), 0);
	assert_true(opener_may_save(in_dir("states"), NULL) >= 0);
	start(apart);
	write_state("states/one", "first", true);
	expect_text("states/one", "first");
	assert_int_equal(stat(in_dir("states/one"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	/* What is given up leaves what was there before. */
	write_state("states/one", "second", false);
	expect_text("states/one", "first");
	write_state("states/one", "third", true);
	expect_text("states/one", "third");
	write_state("states/sub/two", "sub", true);
	expect_text("states/sub/two", "sub");
	assert_int_equal(opener_save_end(true), -EINVAL);
	/* One that is never ended is gone with the next. */
	close(opener_save_begin(in_dir("states/never")));
	write_state("states/one", "fourth", true);
	assert_int_equal(opener_save_begin(in_dir("states/sub")), -EEXIST);
	assert_int_equal(opener_save_begin(in_dir("states/link")), -EEXIST);
	assert_int_equal(opener_save_begin(in_dir("states/away/x")), -ENOTDIR);
	assert_int_equal(opener_save_begin(in_dir("states/no/x")), -ENOENT);
	assert_int_equal(opener_save_begin(in_dir("states/../secret/x")), -EACCES);
	assert_int_equal(opener_save_begin(in_dir("secret/x")), -EACCES);
	finish();
	assert_int_equal(system("rm -r /tmp/test-opener.*/states/one "
				"/tmp/test-opener.*/states/sub /tmp/test-opener.*/states/link "
				"/tmp/test-opener.*/states/away"), 0);
	/* Nothing else is there. */
	assert_int_equal(rmdir(in_dir("states")), 0);
	assert_int_equal(rmdir(in_dir("secret")), 0);
}

static void saving(void **state UNUSED)
{
	saves(false);
	saves(true);
}

/* Beside where it was started: what no other program makes anything of. */
static void names_that_end(void **state UNUSED)
{
	static const char *const bad[] = {
		"kept/one", "kept/.vm", "kept/.one.vm", "kept/sub/one.vm", "one.vm",
		"kept/one.vm.", "kept/one.vm/..", "kept/../one.vm",
	};

	assert_int_equal(mkdir(in_dir("kept"), 0700), 0);
	assert_int_equal(mkdir(in_dir("kept/sub"), 0700), 0);
	assert_non_null(opener_save_refusal(in_dir("kept/one.vm")));
	assert_true(opener_may_save(in_dir("kept"), ".vm") >= 0);
	start(true);
	assert_null(opener_save_refusal(in_dir("kept/one.vm")));
	write_state("kept/one.vm", "one", true);
	expect_text("kept/one.vm", "one");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_non_null(opener_save_refusal(in_dir(bad[i])));
		assert_int_equal(opener_save_begin(in_dir(bad[i])), -EACCES);
	}
	finish();
}

/* Ending processes. */

static void ends(bool closed)
{
	int pidfd, status;
	pid_t pid = fork();

	if (!pid) {
		pause();
		_exit(0);
	}
	pidfd = pidfd_open(pid, 0);
	assert_int_equal(opener_may_end(pidfd), 0);
	start(true);
	/* Either it is told to, or the VM's process is gone. */
	if (closed)
		fd_close(&opener.any.sock);
	else
		opener_end(0, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), closed ? SIGTERM : SIGKILL);
	close(pidfd);
	finish();
}

static void ending(void **state UNUSED)
{
	ends(false);
	ends(true);
}

/* Somebody who may send any request. */
static void hostile(void **state UNUSED)
{
	struct opener_request r = { .what = 0 };
	unsigned int seed = 1, told = 0;
	int fd;

	make_file("precious");
	make_file("mine");
	assert_int_equal(mkdir(in_dir("states"), 0700), 0);
	assert_int_equal(opener_may_save(in_dir("states"), NULL), 0);
	assert_int_equal(opener_may_remove(in_dir("mine")), 1);
	/* A line that is none, a word that is none, a line of another kind. */
	for (uint32_t what = 0; what < 12; what++) {
		static const uint32_t lines[] = { 0, 1, 2, OPENER_LINES, UINT32_MAX };

		for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
			r = (struct opener_request){ .what = what, .line = lines[i] };
			if ((lines[i] == 0 && what >= OPENER_SAVE && what <= OPENER_SAVE_DROP) ||
			    (lines[i] == 1 && what == OPENER_REMOVE))
				continue;
			assert_int_equal(opener_do(&r), -EINVAL);
			told++;
		}
	}
	assert_int_equal(told, 12 * 5 - 4);
	/* Names that try to get out, without what would have stopped them before. */
	for (const char *const *p = (const char *const[]){
		     "../precious", "/etc/x", "sub/../../precious", "..", ".", "", "x/",
		     "../states/../precious", "/", NULL }; *p; p++) {
		r = (struct opener_request){ .what = OPENER_SAVE };
		snprintf(r.name, sizeof(r.name), "%s", *p);
		assert_true(opener_do(&r) < 0);
	}
	/* One without an end. */
	memset(r.name, 'x', sizeof(r.name));
	assert_int_equal(opener_do(&r), -EINVAL);
	/* Anything. */
	for (int i = 0; i < 20000; i++) {
		uint8_t *p = (uint8_t *)&r;

		for (size_t k = 0; k < 40; k++)
			p[k] = k % 4 && k < 12 ? 0 : (uint8_t)(rand_r(&seed) % (k < 12 ? 9 : 256));
		r.name[rand_r(&seed) % 28] = 0;
		if (r.what == OPENER_REMOVE)
			continue;
		/* It is in the folder, whatever it is called. */
		fd = opener_do(&r);
		if (fd > 0)
			close(fd);
	}
	assert_true(is_there("precious"));
	opener_forget();
	assert_int_equal(system("rm -r /tmp/test-opener.*/states"), 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(names),
	cmocka_unit_test(connecting),
	cmocka_unit_test(removing),
	cmocka_unit_test(saving),
	cmocka_unit_test(names_that_end),
	cmocka_unit_test(ending),
	cmocka_unit_test(hostile),
};

int main(void)
{
	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
