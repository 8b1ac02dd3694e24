/* SPDX-License-Identifier: ISC */
/* Answers for people (see ctl_show.h); each word of ctl.c calls one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "counter.h"
#include "ctl_show.h"
#include "ctl_table.h"
#include "name.h"

/* ---- values that may be missing ---- */

static const char *
text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "-";
}

static long long
number_of(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static void
add_flag(struct table *t, const json_t *o, const char *key)
{
	table_add(t, json_is_true(json_object_get(o, key)) ? "yes" : "no");
}

/* Words of an array, joined; from malloc. */
static char *
join(const json_t *array, const char *between)
{
	const char *word;
	size_t i, len = 1, n = json_array_size(array);
	char *s;

	for (i = 0; i < n; i++)
		len += json_string_length(json_array_get(array, i)) + 1 +
		    strlen(between);
	if ((s = malloc(len)) == NULL)
		exit(1);
	s[0] = '\0';
	for (i = 0; i < n; i++) {
		word = json_string_value(json_array_get(array, i));
		(void)strlcat(s, i > 0 ? between : "", len);
		(void)strlcat(s, word != NULL ? word : "-", len);
	}
	return s;
}

static void
print_harmless(FILE *f, const char *text)
{
	size_t len = strlen(text), cap = 8 * len + 1;
	char *out = malloc(cap);

	if (out == NULL)
		exit(1);
	(void)text_harmless(out, cap, text, len);
	(void)fputs(out, f);
	free(out);
}

void
show_json(const json_t *j)
{
	if (j == NULL)
		return;
	(void)json_dumpf(j, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
	(void)putchar('\n');
}

void
show_error(const char *text)
{
	(void)fputs("ocmctl: ", stderr);
	print_harmless(stderr, text);
	(void)fputc('\n', stderr);
}

/* ---- status ---- */

static void
show_addresses(const json_t *status, const char *key, const char *how)
{
	char *list = join(json_object_get(status, key), ", ");

	(void)printf("%-8s ", key);
	print_harmless(stdout, list[0] != '\0' ? list : "-");
	(void)printf(list[0] != '\0' ? " (%s)\n" : "\n", how);
	free(list);
}

/* Of the UDP sockets; what the kernel did not give is said as well. */
static void
show_buffers(const json_t *status)
{
	static const char *const kinds[] = { "receive", "send" };
	const json_t *b = json_object_get(status, "buffers");
	long long have, want;
	char wanted[32];
	int i;

	(void)printf("buffers ");
	for (i = 0; i < 2; i++) {
		(void)snprintf(wanted, sizeof(wanted), "%s_wanted", kinds[i]);
		have = number_of(b, kinds[i]);
		want = number_of(b, wanted);
		(void)printf("%s %lld ", i > 0 ? "," : "", have);
		if (have < want)
			(void)printf("of %lld ", want);
		(void)printf("KiB to %s", kinds[i]);
	}
	(void)putchar('\n');
}

static void
show_counts(const json_t *status)
{
	long long rooms = number_of(status, "open_rooms");

	if (json_is_integer(json_object_get(status, "members")))
		(void)printf("members  %lld in %lld room%s\n",
		    number_of(status, "members"), rooms,
		    rooms == 1 ? "" : "s");
	else
		(void)printf("members  unknown: roomd does not answer\n");
}

static void
add_process(struct table *t, const json_t *p)
{
	char role[64], *layers = join(json_object_get(p, "sandbox"), " ");
	const json_t *ready = json_object_get(p, "ready");

	if (json_is_integer(json_object_get(p, "index")))
		(void)snprintf(role, sizeof(role), "%s %lld",
		    text_of(p, "role"), number_of(p, "index"));
	else
		(void)strlcpy(role, text_of(p, "role"), sizeof(role));
	table_add(t, role);
	if (number_of(p, "pid") > 0)
		table_add_number(t, number_of(p, "pid"));
	else
		table_add(t, "dead");
	table_add_number(t, number_of(p, "uid"));
	table_add_seconds(t, number_of(p, "uptime"));
	table_add_number(t, number_of(p, "restarts"));
	table_add(t, json_is_false(ready) ? "not ready" :
	    layers[0] != '\0' ? layers : "-");
	free(layers);
}

void
show_status(const json_t *s)
{
	static const char *const head[] = { "PROCESS", "PID", "UID", "UP",
	    "RESTARTS", "SANDBOX" };
	const unsigned columns = sizeof(head) / sizeof(head[0]);
	const json_t *processes = json_object_get(s, "processes");
	struct table *t = table_new(columns);
	char up[64];
	size_t i;

	(void)printf("ocm %s is running, for %s\n\n", text_of(s, "version"),
	    table_duration(up, sizeof(up), number_of(s, "uptime")));
	show_addresses(s, "rooms", "TCP");
	show_addresses(s, "relay", "UDP");
	show_addresses(s, "lobby", "UDP");
	(void)printf("control  ");
	print_harmless(stdout, text_of(s, "control"));
	(void)printf("\nlog      ");
	print_harmless(stdout, text_of(s, "log"));
	(void)putchar('\n');
	show_buffers(s);
	show_counts(s);
	(void)putchar('\n');
	for (i = 0; i < columns; i++)
		table_add(t, head[i]);
	for (i = 1; i < columns - 1; i++)
		table_right(t, (unsigned)i);
	for (i = 0; i < json_array_size(processes); i++)
		add_process(t, json_array_get(processes, i));
	table_print(t);
}

/* ---- rooms, members ---- */

void
show_rooms(const json_t *rooms)
{
	struct table *t = table_new(6);
	const json_t *r;
	size_t i;

	table_add(t, "ROOM");
	table_add(t, "MEMBERS");
	table_add(t, "HOST");
	table_add(t, "PASSWORD");
	table_add(t, "OPEN FOR");
	table_add(t, "DIALECT");
	table_right(t, 1);
	table_right(t, 4);
	for (i = 0; i < json_array_size(rooms); i++) {
		r = json_array_get(rooms, i);
		table_add(t, text_of(r, "name"));
		table_add_number(t, number_of(r, "members"));
		table_add(t, text_of(r, "host"));
		add_flag(t, r, "password");
		table_add_seconds(t, number_of(r, "age"));
		table_add(t, text_of(r, "dialect"));
	}
	table_print(t);
}

static void
add_where(struct table *t, const json_t *m)
{
	char text[128];
	const json_t *port = json_object_get(m, "port");

	if (json_is_integer(port))
		(void)snprintf(text, sizeof(text), "%s %lld",
		    text_of(m, "address"), number_of(m, "port"));
	else
		(void)strlcpy(text, text_of(m, "address"), sizeof(text));
	table_add(t, text);
}

void
show_members(const json_t *members)
{
	struct table *t = table_new(6);
	const json_t *m;
	size_t i;

	table_add(t, "MEMBER");
	table_add(t, "HOST");
	table_add(t, "FROM");
	table_add(t, "HERE FOR");
	table_add(t, "IDLE");
	table_add(t, "DIALECT");
	table_right(t, 3);
	table_right(t, 4);
	for (i = 0; i < json_array_size(members); i++) {
		m = json_array_get(members, i);
		table_add(t, text_of(m, "name"));
		add_flag(t, m, "host");
		add_where(t, m);
		table_add_seconds(t, number_of(m, "joined"));
		table_add_seconds(t, number_of(m, "idle"));
		table_add(t, text_of(m, "dialect"));
	}
	table_print(t);
}

/* ---- stats, reload ---- */

/* The counters of one kind of process that we know of. */
struct known {
	const char *const	*names, *const *texts;
	unsigned		 count;
};
static const struct known known_room = {
	room_counter_names, room_counter_texts, RC_COUNT
};
static const struct known known_relay = {
	relay_counter_names, relay_counter_texts, LC_COUNT
};

/* What it counts; the server may be of another version. */
static const char *
counter_text(const struct known *k, const char *name)
{
	unsigned i;

	for (i = 0; i < k->count; i++)
		if (strcmp(k->names[i], name) == 0)
			return k->texts[i];
	return "";
}

static void
add_counters(struct table *t, const char *of, json_t *o,
    const struct known *k)
{
	const char *name;
	void *i;

	for (i = json_object_iter(o); i != NULL;
	    i = json_object_iter_next(o, i)) {
		name = json_object_iter_key(i);
		table_add(t, of);
		table_add(t, name);
		table_add_number(t,
		    json_integer_value(json_object_iter_value(i)));
		table_add(t, counter_text(k, name));
	}
}

void
show_stats(const json_t *stats)
{
	const json_t *relays = json_object_get(stats, "relayd");
	struct table *t = table_new(4);
	char of[32];
	size_t i;

	table_right(t, 2);
	add_counters(t, "roomd", json_object_get(stats, "roomd"),
	    &known_room);
	for (i = 0; i < json_array_size(relays); i++) {
		(void)snprintf(of, sizeof(of), "relayd %zu", i);
		add_counters(t, of, json_array_get(relays, i), &known_relay);
	}
	table_print(t);
}

void
show_reload(const json_t *j)
{
	char *applied = join(json_object_get(j, "applied"), ", ");
	char *later = join(json_object_get(j, "needs_restart"), ", ");

	if (applied[0] != '\0')
		(void)printf("applied: %s\n", applied);
	if (later[0] != '\0')
		(void)printf("needs a restart: %s\n", later);
	if (applied[0] == '\0' && later[0] == '\0')
		(void)printf("nothing changed\n");
	free(applied);
	free(later);
}
