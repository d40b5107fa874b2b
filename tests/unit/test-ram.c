/* SPDX-License-Identifier: BSD-2-Clause */
/* test-ram.c - what guest RAM is made of: the host's settings, files, their mapping */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/ram.h"
#include "vmm/vm.h"

enum { MIB = 1 << 20 };

static char dir[] = "/tmp/test-ram.XXXXXX";

static int make_dir(void **state UNUSED)
{
	assert_non_null(mkdtemp(dir));
	return 0;
}

static int remove_dir(void **state UNUSED)
{
	return rmdir(dir);
}

static void settings(void **state UNUSED)
{
	static const char never[] = "always within_size advise [never] deny force\n";

	assert_int_equal(ram_file_thp("[always] madvise never\n", never), RAM_THP_NEVER);
	assert_int_equal(ram_file_thp("always [madvise] never\n", never), RAM_THP_NEVER);
	assert_int_equal(ram_file_thp("always madvise [never]\n", never), RAM_THP_FORBIDDEN);
	assert_int_equal(ram_file_thp("[always] madvise never\n", "always never [deny]\n"),
			 RAM_THP_FORBIDDEN);
	assert_int_equal(ram_file_thp("[always] madvise never\n",
				      "always within_size [advise] never\n"), RAM_THP_GIVEN);
	assert_int_equal(ram_file_thp("", never), RAM_THP_FORBIDDEN);
	assert_int_equal(ram_file_thp("[always] madvise never\n", ""), RAM_THP_FORBIDDEN);
}

/* Whichever kind of file it is: it is as long as asked, and all zero, and two of them are
 * not the same. */
static void files(void **state UNUSED)
{
	const struct ram_source sources[] = { { .path = NULL }, { .path = dir } };

	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		struct ram_file a, b;
		struct stat sa, sb;
		char c = 1;

		assert_int_equal(ram_file_open(&a, &sources[i], 5 * MIB), 0);
		assert_int_equal(ram_file_open(&b, &sources[i], 5 * MIB), 0);
		assert_int_equal(fstat(a.fd, &sa), 0);
		assert_int_equal(fstat(b.fd, &sb), 0);
		assert_int_equal(sa.st_size, 5 * MIB);
		assert_true(sa.st_ino != sb.st_ino || sa.st_dev != sb.st_dev);
		assert_int_equal(fcntl(a.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
		assert_int_equal(pwrite(b.fd, "x", 1, 5 * MIB - 1), 1);
		assert_int_equal(pread(a.fd, &c, 1, 5 * MIB - 1), 1);
		assert_int_equal(c, 0);
		close(a.fd);
		close(b.fd);
	}
}

static void paths(void **state UNUSED)
{
	char path[64];
	struct ram_source src = { .path = path };
	struct ram_file f;
	struct stat st;
	int fd;

	/* A file is made, for the user alone, and stays. */
	snprintf(path, sizeof(path), "%s/ram", dir);
	assert_int_equal(ram_file_open(&f, &src, 2 * MIB), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 2 * MIB);
	assert_int_equal(st.st_mode & 0077, 0);
	close(f.fd);
	/* What has something in it is left alone. */
	assert_int_not_equal(ram_file_open(&f, &src, 4 * MIB), 0);
	assert_int_equal(f.fd, -1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 2 * MIB);
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(ram_file_open(&f, &src, 4 * MIB), 0);
	close(f.fd);
	unlink(path);
	/* No files. */
	snprintf(path, sizeof(path), "/dev/null");
	assert_int_not_equal(ram_file_open(&f, &src, 2 * MIB), 0);
	snprintf(path, sizeof(path), "%s/no/such", dir);
	assert_int_not_equal(ram_file_open(&f, &src, 2 * MIB), 0);
	snprintf(path, sizeof(path), "%s/fifo", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	fd = open(path, O_RDWR | O_NONBLOCK);
	assert_int_not_equal(ram_file_open(&f, &src, 2 * MIB), 0);
	close(fd);
	unlink(path);
}

/* Huge pages of the file can be the guest's only if both lie alike. */
static void mapping(void **state UNUSED)
{
	static struct options opt = { .name = "unit", .cpus = 1, .topology = { 1, 1, 1 } };
	static const uint64_t sizes[] = { 16 * MIB, 17 * MIB, 16 * MIB + 4096 };

	for (size_t i = 0; i < 2 * ARRAY_SIZE(sizes); i++) {
		struct vm vm = { .opt = &opt, .ram = -1 };

		opt.ram = sizes[i / 2];
		opt.ram_source.prealloc = i % 2;
		assert_int_equal(ram_create(&vm), 0);
		assert_int_equal((uintptr_t)vm.ram_host % (2 * MIB), 0);
		vm.ram_host[0] = vm.ram_host[opt.ram - 1] = 1;
		/* The first one is for nothing: it is fresh then. */
		ram_clear(&vm);
		assert_int_equal(vm.ram_host[0] & vm.ram_host[opt.ram - 1], 1);
		ram_clear(&vm);
		assert_int_equal(vm.ram_host[0] | vm.ram_host[opt.ram - 1], 0);
		ram_destroy(&vm);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(settings),
	cmocka_unit_test(files),
	cmocka_unit_test(paths),
	cmocka_unit_test(mapping),
};

int main(void)
{
	return cmocka_run_group_tests_name(__FILE__, tests, make_dir, remove_dir);
}
