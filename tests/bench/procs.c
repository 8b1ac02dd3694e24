/* SPDX-License-Identifier: ISC */
/* See procs.h. */
#include <dirent.h>
#include <err.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "procs.h"

static json_t *
ask(const char *ocmctl, const char *what, const char *socket)
{
	char command[512];
	json_error_t why;
	json_t *status;
	FILE *f;

	snprintf(command, sizeof(command), "'%s' %s -j -s '%s'", ocmctl, what,
	    socket);
	if ((f = popen(command, "r")) == NULL) {
		warn("%s", command);
		return NULL;
	}
	status = json_loadf(f, 0, &why);
	pclose(f);
	if (status == NULL)
		warnx("%s: %s", command, why.text);
	return status;
}

static bool
take_address(json_t *status, const char *key, char out[PROCS_ADDRESS])
{
	const char *text;

	text = json_string_value(json_array_get(json_object_get(status, key),
	    0));
	if (text == NULL || strlen(text) >= PROCS_ADDRESS)
		return false;
	memcpy(out, text, strlen(text) + 1);
	return true;
}

int
procs_find(struct procs *ps, const char *ocmctl, const char *socket)
{
	json_t *status, *list, *one;
	struct proc *p;
	size_t i;

	memset(ps, 0, sizeof(*ps));
	if ((status = ask(ocmctl, "status", socket)) == NULL)
		return -1;
	list = json_object_get(status, "processes");
	json_array_foreach(list, i, one) {
		if (ps->count == PROCS_MAX)
			break;
		p = &ps->proc[ps->count++];
		p->pid = (pid_t)json_integer_value(json_object_get(one,
		    "pid"));
		snprintf(p->role, sizeof(p->role), "%s",
		    json_string_value(json_object_get(one, "role")));
	}
	if (ps->count == 0 || !take_address(status, "rooms", ps->rooms) ||
	    !take_address(status, "relay", ps->relay)) {
		warnx("%s: status without processes or addresses", ocmctl);
		ps->count = 0;
	}
	json_decref(status);
	return ps->count > 0 ? 0 : -1;
}

void
procs_one(struct procs *ps, const char *role, pid_t pid)
{
	memset(ps, 0, sizeof(*ps));
	ps->count = 1;
	ps->proc[0].pid = pid;
	snprintf(ps->proc[0].role, sizeof(ps->proc[0].role), "%s", role);
}

/* Nanoseconds that a thread ran, and that it waited for a processor. */
static double
time_of_thread(const char *pid, const char *thread, bool waiting)
{
	char path[64];
	uint64_t ran = 0, waited = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%.20s/task/%.20s/schedstat", pid,
	    thread);
	if ((f = fopen(path, "r")) == NULL)
		return 0;
	if (fscanf(f, "%" SCNu64 " %" SCNu64, &ran, &waited) != 2)
		ran = waited = 0;
	fclose(f);
	return (double)(ran + (waiting ? waited : 0)) / 1e9;
}

static double
time_of(pid_t pid, bool waiting)
{
	char name[24], path[64];
	struct dirent *d;
	double sum = 0;
	DIR *dir;

	snprintf(name, sizeof(name), "%ld", (long)pid);
	snprintf(path, sizeof(path), "/proc/%s/task", name);
	if ((dir = opendir(path)) == NULL)
		return 0;
	while ((d = readdir(dir)) != NULL)
		if (d->d_name[0] != '.')
			sum += time_of_thread(name, d->d_name, waiting);
	closedir(dir);
	return sum;
}

static double
sum_of(const struct procs *ps, const char *role, bool waiting)
{
	double sum = 0;
	unsigned i;

	for (i = 0; i < ps->count; i++)
		if (strcmp(ps->proc[i].role, role) == 0)
			sum += time_of(ps->proc[i].pid, waiting);
	return sum;
}

double
procs_cpu(const struct procs *ps, const char *role)
{
	return sum_of(ps, role, false);
}

double
procs_wanted(const struct procs *ps, const char *role)
{
	return sum_of(ps, role, true);
}

static uint64_t
resident_of(pid_t pid)
{
	char path[64], line[256];
	uint64_t kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
	if ((f = fopen(path, "r")) == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "VmRSS: %" SCNu64, &kib) == 1)
			break;
	fclose(f);
	return kib;
}

uint64_t
procs_resident(const struct procs *ps)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < ps->count; i++)
		sum += resident_of(ps->proc[i].pid);
	return sum;
}

int
procs_relayed(struct procs_relayed *sum, const char *ocmctl,
    const char *socket)
{
	json_t *stats, *list, *one;
	size_t i;

	memset(sum, 0, sizeof(*sum));
	if ((stats = ask(ocmctl, "stats", socket)) == NULL)
		return -1;
	list = json_object_get(stats, "relayd");
	json_array_foreach(list, i, one) {
		sum->deliveries += (uint64_t)json_integer_value(
		    json_object_get(one, "deliveries"));
		sum->bundles += (uint64_t)json_integer_value(
		    json_object_get(one, "bundles"));
	}
	json_decref(stats);
	return 0;
}
