/* SPDX-License-Identifier: BSD-2-Clause */
/* replay.c - main() for a fuzz target that replays inputs from files
 *
 *   fuzz-vring [FILE|FOLDER]...
 *
 * Without arguments it takes the target's own corpus, $top_srcdir/tests/fuzz/corpus/
 * NAME. Folders are not searched deeper. The output is TAP, one case: a child runs
 * all inputs, and if it dies, whatever of, the input that killed it is named. An
 * input that takes longer than REPLAY_SECONDS is a failure, too.
 *
 * It makes no inputs: that is libFuzzer's work, see fuzz.sh.
 */
#include "config.h"

#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REPLAY_SECONDS = 120, REPLAY_SIZE_MAX = 1 << 20 };

/** struct replay - Shared with the child: how far it came */
struct replay {
	unsigned int count;
	char path[PATH_MAX];
};

static void replay_file(struct replay *r, const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *all, *data;
	size_t size;

	snprintf(r->path, sizeof(r->path), "%s", path);
	if (!f) {
		perror(path);
		exit(1);
	}
	all = fuzz_alloc(REPLAY_SIZE_MAX);
	size = fread(all, 1, REPLAY_SIZE_MAX, f);
	fclose(f);
	/* Not a byte more than there is, so that a sanitizer sees who reads it. */
	data = fuzz_alloc(size);
	memcpy(data, all, size);
	free(all);
	alarm(REPLAY_SECONDS);
	LLVMFuzzerTestOneInput(data, size);
	alarm(0);
	free(data);
	r->count++;
}

static void replay_path(struct replay *r, const char *path)
{
	char file[PATH_MAX];
	struct dirent **all;
	struct stat st;
	int n;

	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode)) {
		replay_file(r, path);
		return;
	}
	n = scandir(path, &all, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		snprintf(file, sizeof(file), "%s/%s", path, all[i]->d_name);
		if (all[i]->d_name[0] != '.')
			replay_file(r, file);
		free(all[i]);
	}
	if (n >= 0)
		free(all);
}

int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/'), *name = slash ? slash + 1 : argv[0];
	const char *dash = strchr(name, '-'), *src = getenv("top_srcdir");
	struct replay *r;
	int status = -1;
	pid_t pid;

	/* Under libtool the program has another name. */
	if (!strncmp(name, "lt-", 3)) {
		name += 3;
		dash = strchr(name, '-');
	}
	r = mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		 -1, 0);
	if (r == MAP_FAILED)
		return 99;
	puts("1..1");
	fflush(stdout);
	pid = fork();
	if (!pid) {
		char corpus[PATH_MAX];

		for (int i = 1; i < argc; i++)
			replay_path(r, argv[i]);
		snprintf(corpus, sizeof(corpus), "%s/tests/fuzz/corpus/%s",
			 src ? src : ".", dash ? dash + 1 : name);
		if (argc == 1)
			replay_path(r, corpus);
		exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status) {
		printf("not ok 1 - %s: input %s\n# it ended with wait status %d\n", name,
		       r->path, status);
		return 1;
	}
	/* A corpus that is not there shows nothing. */
	printf("%s 1 - %s: %u inputs\n", r->count ? "ok" : "not ok", name, r->count);
	return !r->count;
}
