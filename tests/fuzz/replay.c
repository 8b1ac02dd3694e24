/* SPDX-License-Identifier: ISC */
/*
 * A main for fuzz targets without libFuzzer: runs the target over the files,
 * and over the files in the directories, that it is given.  `make test-fuzz`
 * links and runs it with every compiler.
 */
#include <dirent.h>
#include <err.h>
#include <stdio.h>
#include <sys/stat.h>

#include "fuzz.h"

enum { INPUT_MAX = 1 << 20 };

/* The bytes lie alone on the heap, for a sanitizer to watch their ends. */
static unsigned
replay_file(const char *path)
{
	static uint8_t buf[INPUT_MAX];
	FILE *f = fopen(path, "rb");
	uint8_t *input;
	size_t len, i;

	if (f == NULL)
		err(1, "%s", path);
	len = fread(buf, 1, sizeof(buf), f);
	if (ferror(f) || !feof(f))
		errx(1, "%s: cannot be read, or is too long", path);
	fclose(f);
	if ((input = malloc(len == 0 ? 1 : len)) == NULL)
		err(1, NULL);
	for (i = 0; i < len; i++)
		input[i] = buf[i];
	LLVMFuzzerTestOneInput(input, len);
	free(input);
	return 1;
}

static unsigned
replay_directory(const char *path)
{
	char file[1024];
	struct dirent *e;
	unsigned n = 0;
	DIR *d = opendir(path);

	if (d == NULL)
		err(1, "%s", path);
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
		n += replay_file(file);
	}
	closedir(d);
	return n;
}

int
main(int argc, char **argv)
{
	struct stat st;
	unsigned n = 0;
	int i;

	for (i = 1; i < argc; i++) {
		if (stat(argv[i], &st) == -1)
			err(1, "%s", argv[i]);
		n += S_ISDIR(st.st_mode) ? replay_directory(argv[i]) :
		    replay_file(argv[i]);
	}
	printf("%s: %u passed\n", argv[0], n);
	return n > 0 ? 0 : 1;
}
