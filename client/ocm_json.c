/* SPDX-License-Identifier: ISC */
/*
 * The JSON that the client writes and reads: its requests, the server's
 * lists, and --json's lines.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "name.h"
#include "ocm_json.h"

enum { TIME_TEXT = 32 };

char *
json_request(const char *name, const char *password)
{
	json_t	*object;
	char	*text;

	if (*password != '\0')
		object = json_pack("{s:s, s:s}", "username", name,
		    "password", password);
	else
		object = json_pack("{s:s}", "username", name);
	if (object == NULL)
		return NULL;
	text = json_dumps(object, 0);
	json_decref(object);
	return text;
}

/* A JSON string of any bytes, with U+FFFD for what is not UTF-8. */
static json_t *
string_of(const char *bytes, size_t len)
{
	char	*copy = malloc(3 * len + 1);
	json_t	*string;

	if (copy == NULL)
		return NULL;
	string = json_stringn(copy, utf8_mend(copy, 3 * len, bytes, len,
	    true));
	free(copy);
	return string;
}

static size_t	dump_flags = JSON_COMPACT;

void
json_ascii_only(bool on)
{
	dump_flags = on ? JSON_COMPACT | JSON_ENSURE_ASCII : JSON_COMPACT;
}

/* Consumes the object. */
static char *
dump(json_t *object)
{
	char	*text;

	if (object == NULL)
		return NULL;
	text = json_dumps(object, dump_flags);
	json_decref(object);
	return text;
}

static void
time_text(char buf[TIME_TEXT], const struct timespec *when)
{
	struct tm	tm;
	size_t		n;

	memset(&tm, 0, sizeof(tm));
	(void)gmtime_r(&when->tv_sec, &tm);
	n = strftime(buf, TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(buf + n, TIME_TEXT - n, ".%03uZ",
	    (unsigned)(when->tv_nsec / 1000000) % 1000U);
}

char *
json_line(const struct timespec *when, const char *room,
    const struct said *said)
{
	char	stamp[TIME_TEXT];

	time_text(stamp, when);
	return dump(json_pack("{s:s, s:o, s:o, s:o}", "time", stamp,
	    "room", room != NULL ? string_of(room, strlen(room)) : json_null(),
	    "from", said->from != NULL ?
	    string_of(said->from, said->from_len) : json_null(),
	    "text", string_of(said->text, said->text_len)));
}

char *
json_entry(const char *room, size_t room_len, const struct entry *e)
{
	if (e == NULL)
		return dump(json_pack("{s:o}", "room",
		    string_of(room, room_len)));
	return dump(json_pack("{s:o, s:o, s:b}", "room",
	    string_of(room, room_len), "name", string_of(e->name, e->len),
	    "host", (int)e->host));
}

static int
by_name(const void *a, const void *b)
{
	const struct entry	*x = a, *y = b;
	size_t			 n = x->len < y->len ? x->len : y->len;
	int			 order = memcmp(x->name, y->name, n);

	if (order != 0)
		return order;
	return (x->len > y->len) - (x->len < y->len);
}

/* Copies one element of a list; false where it is nothing of the kind. */
static bool
read_entry(struct entry *e, const json_t *value)
{
	const json_t	*name = value;

	if (json_is_object(value)) {
		name = json_object_get(value, "name");
		e->host = json_is_true(json_object_get(value, "host"));
	}
	if (!json_is_string(name))
		return false;
	e->len = json_string_length(name);
	if ((e->name = malloc(e->len + 1)) == NULL)
		return false;
	memcpy(e->name, json_string_value(name), e->len + 1);
	return true;
}

int
json_entries(struct entries *all, const char *text, size_t len)
{
	json_t	*array = json_loadb(text, len, JSON_ALLOW_NUL, NULL);
	size_t	 i, count = json_array_size(array);

	memset(all, 0, sizeof(*all));
	if (!json_is_array(array))
		goto fail;
	if ((all->list = calloc(count + 1, sizeof(*all->list))) == NULL)
		goto fail;
	for (i = 0; i < count; i++, all->count++) {
		if (!read_entry(&all->list[i], json_array_get(array, i)))
			goto fail;
		all->list[i].place = i;
	}
	json_decref(array);
	qsort(all->list, all->count, sizeof(*all->list), by_name);
	return 0;
fail:
	entries_free(all);
	json_decref(array);
	return -1;
}

void
entries_free(struct entries *all)
{
	size_t	i;

	for (i = 0; all->list != NULL && i < all->count; i++)
		free(all->list[i].name);
	free(all->list);
	memset(all, 0, sizeof(*all));
}
