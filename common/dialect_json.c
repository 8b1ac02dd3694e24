/* SPDX-License-Identifier: ISC */
/*
 * Requests in JSON, read with jansson.  Called by dialect_read, in roomd
 * only.
 */
#include <string.h>

#include "dialect_row.h"

enum { JSON_DEPTH = 8 };	/* a request needs two; a stack, no more */

/* JSON's own white space. */
static size_t
skip_space(const uint8_t *p, size_t len, size_t i)
{
	while (i < len && (p[i] == ' ' || p[i] == '\t' || p[i] == '\r' ||
	    p[i] == '\n'))
		i++;
	return i;
}

/*
 * A string, or an object with a first key, however quoted: what begins so and
 * is no request is malformed.  "{}" and "{smile}" are nobody's requests, so
 * they are names.
 */
bool
row_json_begins(const uint8_t *p, size_t len)
{
	size_t i = skip_space(p, len, 0);

	if (i == len || p[i] != '{')
		return i < len && p[i] == '"';
	i = skip_space(p, len, i + 1);
	return i < len && (p[i] == '"' || p[i] == '\'');
}

/* Brackets outside strings; jansson itself recurses 2048 deep. */
static bool
too_deep(const uint8_t *p, size_t len)
{
	bool in_string = false;
	int depth = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		if (in_string && p[i] == '\\')
			i++;
		else if (p[i] == '"')
			in_string = !in_string;
		else if (!in_string && (p[i] == '{' || p[i] == '['))
			depth++;
		else if (!in_string && (p[i] == '}' || p[i] == ']'))
			depth--;
		if (depth > JSON_DEPTH)
			return true;
	}
	return false;
}

json_t *
row_json_parse(const uint8_t *payload, size_t len)
{
	if (too_deep(payload, len))
		return NULL;
	return json_loadb((const char *)payload, len,
	    JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
}

static int
take_user(const json_t *string, struct request *rq)
{
	if (!json_is_string(string))
		return -1;
	return row_take_user(rq, json_string_value(string),
	    json_string_length(string));
}

/* Absent, null and "" are none. */
static int
take_password(const json_t *object, struct request *rq)
{
	const json_t *v = json_object_get(object, "password");
	size_t len;

	if (v == NULL || json_is_null(v))
		return 1;
	if (!json_is_string(v))
		return -1;
	len = json_string_length(v);
	if (len >= sizeof(rq->password))
		return -1;
	memcpy(rq->password, json_string_value(v), len);
	rq->password_len = len;
	rq->has_password = len > 0;
	return 1;
}

/* The user name under either of its keys, and the password. */
static int
take_identity(const json_t *object, struct request *rq)
{
	const json_t *older = json_object_get(object, "username");
	const json_t *newer = json_object_get(object, "user_name");

	if ((older == NULL) == (newer == NULL))
		return -1;
	if (take_user(older != NULL ? older : newer, rq) == -1)
		return -1;
	return take_password(object, rq);
}

/* A port of 0 is a socket without one yet: learned later. */
static int
take_port(const json_t *integer, struct request *rq)
{
	json_int_t port;

	if (!json_is_integer(integer))
		return -1;
	port = json_integer_value(integer);
	if (port < 0 || port > UINT16_MAX)
		return -1;
	rq->has_port = port != 0;
	rq->udp_port = (uint16_t)port;
	return 1;
}

/* ["127.0.0.1", 9001]: the host is the TCP peer's, whatever stands there. */
static int
take_address(const json_t *array, struct request *rq)
{
	if (!json_is_array(array) || json_array_size(array) != 2 ||
	    !json_is_string(json_array_get(array, 0)))
		return -1;
	return take_port(json_array_get(array, 1), rq);
}

int
row_recognise_json_string(const struct opening *o, struct request *rq)
{
	return json_is_string(o->json) ? take_user(o->json, rq) : 0;
}

int
row_recognise_json_address(const struct opening *o, struct request *rq)
{
	const json_t *v = json_object_get(o->json, "user_address");

	if (v == NULL)
		return 0;
	return take_identity(o->json, rq) == 1 ? take_address(v, rq) : -1;
}

int
row_recognise_json_udp(const struct opening *o, struct request *rq)
{
	const json_t *v = json_object_get(o->json, "udp_address");

	if (v == NULL)
		return 0;
	return take_identity(o->json, rq) == 1 ? take_address(v, rq) : -1;
}

/* The port is never learned here, so a request without one is no use. */
int
row_recognise_json_port(const struct opening *o, struct request *rq)
{
	const json_t *v = json_object_get(o->json, "udp_port");

	if (v == NULL)
		return 0;
	if (take_identity(o->json, rq) == -1 || take_port(v, rq) == -1)
		return -1;
	return rq->has_port ? 1 : -1;
}

int
row_recognise_plain_json(const struct opening *o, struct request *rq)
{
	if (json_object_get(o->json, "username") == NULL &&
	    json_object_get(o->json, "user_name") == NULL)
		return 0;
	return take_identity(o->json, rq);
}
