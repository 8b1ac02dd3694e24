/* SPDX-License-Identifier: ISC */
/* See peer_wire.h. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer_wire.h"

static bool
starts(const char *p, size_t len, const char *with)
{
	const size_t n = strlen(with);

	return len >= n && memcmp(p, with, n) == 0;
}

/* Length of a line with its end, 0 if that is not here. */
static size_t
line_len(const char *p, size_t len)
{
	const char *end = memchr(p, '\n', len);

	return end == NULL ? 0 : (size_t)(end - p) + 1;
}

static size_t
say_nothing(char *out, unsigned room, unsigned who)
{
	(void)out;
	(void)room;
	(void)who;
	return 0;
}

/* ---- Redis: RESP2 ---- */

static size_t
redis_enter(char *out, unsigned room, unsigned who)
{
	char name[32];
	int len;

	if (who == 0)
		return (size_t)snprintf(out, PEER_WIRE_EXTRA,
		    "*1\r\n$4\r\nPING\r\n");
	len = snprintf(name, sizeof(name), "bench-%u", room);
	return (size_t)snprintf(out, PEER_WIRE_EXTRA,
	    "*2\r\n$9\r\nSUBSCRIBE\r\n$%d\r\n%s\r\n", len, name);
}

static size_t
redis_before(char *out, unsigned room, size_t bytes)
{
	char name[32];
	int len = snprintf(name, sizeof(name), "bench-%u", room);

	return (size_t)snprintf(out, PEER_WIRE_EXTRA,
	    "*3\r\n$7\r\nPUBLISH\r\n$%d\r\n%s\r\n$%zu\r\n", len, name, bytes);
}

/* A line, or a string: "$3\r\nabc\r\n"; 0 if not all of it is here. */
static size_t
redis_item(const char *p, size_t len)
{
	size_t n = line_len(p, len);

	if (n > 0 && *p == '$')
		n += strtoul(p + 1, NULL, 10) + 2;
	return n <= len ? n : 0;
}

/* The same, or a list of them. */
static size_t
redis_len(const char *p, size_t len)
{
	size_t used = redis_item(p, len), one;
	unsigned long count;

	if (used == 0 || *p != '*')
		return used;
	for (count = strtoul(p + 1, NULL, 10); count > 0; count--, used += one)
		if ((one = redis_item(p + used, len - used)) == 0)
			return 0;
	return used;
}

static enum unit
redis_next(const char *p, size_t len, size_t *unit_len)
{
	if ((*unit_len = redis_len(p, len)) == 0)
		return UNIT_PART;
	if (starts(p, len, "*3\r\n$7\r\nmessage\r\n"))
		return UNIT_MESSAGE;
	if (starts(p, len, "*3\r\n$9\r\nsubscribe\r\n") ||
	    starts(p, len, "+PONG\r\n"))
		return UNIT_READY;
	return *p == ':' ? UNIT_OTHER : UNIT_REFUSAL;
}

/* ---- IRC ---- */

static size_t
irc_enter(char *out, unsigned room, unsigned who)
{
	return (size_t)snprintf(out, PEER_WIRE_EXTRA,
	    "NICK r%um%u\r\nUSER bench 0 * :bench\r\n", room, who);
}

static size_t
irc_follow(char *out, unsigned room, unsigned who)
{
	(void)who;
	return (size_t)snprintf(out, PEER_WIRE_EXTRA, "JOIN #bench-%u\r\n",
	    room);
}

static size_t
irc_before(char *out, unsigned room, size_t bytes)
{
	(void)bytes;
	return (size_t)snprintf(out, PEER_WIRE_EXTRA, "PRIVMSG #bench-%u :",
	    room);
}

static enum unit
irc_reply(const char *code)
{
	if (memcmp(code, "001", 3) == 0)
		return UNIT_WELCOME;
	if (memcmp(code, "366", 3) == 0)	/* end of the list of names */
		return UNIT_READY;
	/* 4xx and 5xx are errors, but having no greeting is none. */
	if ((*code == '4' || *code == '5') && memcmp(code, "422", 3) != 0)
		return UNIT_REFUSAL;
	return UNIT_OTHER;
}

static enum unit
irc_next(const char *p, size_t len, size_t *unit_len)
{
	const char *word;
	size_t left;

	if ((*unit_len = line_len(p, len)) == 0)
		return UNIT_PART;
	if (starts(p, *unit_len, "PING"))
		return UNIT_PING;
	if (starts(p, *unit_len, "ERROR"))
		return UNIT_REFUSAL;
	if (*p != ':' || (word = memchr(p, ' ', *unit_len)) == NULL)
		return UNIT_OTHER;
	left = *unit_len - (size_t)(++word - p);
	if (starts(word, left, "PRIVMSG "))
		return UNIT_MESSAGE;
	return left > 4 && word[3] == ' ' ? irc_reply(word) : UNIT_OTHER;
}

/* ---- NATS ---- */

static size_t
nats_follow(char *out, unsigned room, unsigned who)
{
	static const char hello[] = "CONNECT {\"verbose\":false,"
	    "\"pedantic\":false,\"name\":\"bench\"}\r\n";

	if (who == 0)
		return (size_t)snprintf(out, PEER_WIRE_EXTRA, "%sPING\r\n",
		    hello);
	return (size_t)snprintf(out, PEER_WIRE_EXTRA,
	    "%sSUB bench-%u 1\r\nPING\r\n", hello, room);
}

static size_t
nats_before(char *out, unsigned room, size_t bytes)
{
	return (size_t)snprintf(out, PEER_WIRE_EXTRA, "PUB bench-%u %zu\r\n",
	    room, bytes);
}

/* "MSG subject id bytes", then so many bytes and the end of the line. */
static enum unit
nats_message(const char *p, size_t len, size_t *unit_len)
{
	const char *last = p + *unit_len;

	while (last[-1] != ' ')
		last--;
	*unit_len += strtoul(last, NULL, 10) + 2;
	return *unit_len <= len ? UNIT_MESSAGE : UNIT_PART;
}

static enum unit
nats_next(const char *p, size_t len, size_t *unit_len)
{
	if ((*unit_len = line_len(p, len)) == 0)
		return UNIT_PART;
	if (starts(p, *unit_len, "MSG "))
		return nats_message(p, len, unit_len);
	if (starts(p, *unit_len, "INFO "))
		return UNIT_WELCOME;
	if (starts(p, *unit_len, "PONG"))
		return UNIT_READY;
	return starts(p, *unit_len, "PING") ? UNIT_PING : UNIT_REFUSAL;
}

/* ---- MQTT 3.1.1, quality of service 0 ---- */

enum {
	MQTT_CONNECT = 0x10, MQTT_CONNACK = 0x20, MQTT_PUBLISH = 0x30,
	MQTT_SUBSCRIBE = 0x82, MQTT_SUBACK = 0x90, MQTT_PINGREQ = 0xc0,
	MQTT_PINGRESP = 0xd0,
	MQTT_CLEAN = 2,			/* session */
};

/* Type and length; returns how many bytes that takes. */
static size_t
mqtt_head(char *out, int type, size_t len)
{
	size_t n = 0;

	out[n++] = (char)type;
	for (; len >= 128; len /= 128)
		out[n++] = (char)(len % 128 | 128);
	out[n++] = (char)len;
	return n;
}

/* A string with its length before it. */
static size_t
mqtt_string(char *out, const char *text)
{
	const size_t len = strlen(text);

	out[0] = (char)(len >> 8);
	out[1] = (char)(len & 255);
	memcpy(out + 2, text, len);
	return 2 + len;
}

static size_t
mqtt_enter(char *out, unsigned room, unsigned who)
{
	char name[32], body[PEER_WIRE_EXTRA / 2];
	size_t n, head;

	snprintf(name, sizeof(name), "r%um%u", room, who);
	n = mqtt_string(body, "MQTT");
	body[n++] = 4;			/* 3.1.1 */
	body[n++] = MQTT_CLEAN;
	body[n++] = 0;			/* never asks whether one lives */
	body[n++] = 0;
	n += mqtt_string(body + n, name);
	head = mqtt_head(out, MQTT_CONNECT, n);
	memcpy(out + head, body, n);
	return head + n;
}

static size_t
mqtt_follow(char *out, unsigned room, unsigned who)
{
	char name[32], body[PEER_WIRE_EXTRA / 2];
	size_t n = 0, head;

	if (who == 0)
		return mqtt_head(out, MQTT_PINGREQ, 0);
	snprintf(name, sizeof(name), "bench-%u", room);
	body[n++] = 0;
	body[n++] = 1;			/* number of the request */
	n += mqtt_string(body + n, name);
	body[n++] = 0;			/* quality of service */
	head = mqtt_head(out, MQTT_SUBSCRIBE, n);
	memcpy(out + head, body, n);
	return head + n;
}

static size_t
mqtt_before(char *out, unsigned room, size_t bytes)
{
	char name[32], topic[34];
	size_t n, head;

	snprintf(name, sizeof(name), "bench-%u", room);
	n = mqtt_string(topic, name);
	head = mqtt_head(out, MQTT_PUBLISH, n + bytes);
	memcpy(out + head, topic, n);
	return head + n;
}

static enum unit
mqtt_next(const char *p, size_t len, size_t *unit_len)
{
	size_t i = 1, rest = 0;
	unsigned shift = 0;

	do {
		if (i == len)
			return UNIT_PART;
		rest |= (size_t)(p[i] & 127) << shift;
		shift += 7;
	} while (p[i++] & 128 && shift < 28);
	if ((*unit_len = i + rest) > len)
		return UNIT_PART;
	switch ((unsigned char)p[0]) {
	case MQTT_PUBLISH:
		return UNIT_MESSAGE;
	case MQTT_CONNACK:
		return rest == 2 && p[i + 1] == 0 ? UNIT_WELCOME :
		    UNIT_REFUSAL;
	case MQTT_SUBACK:
		return rest == 3 && p[i + 2] == 0 ? UNIT_READY : UNIT_REFUSAL;
	case MQTT_PINGRESP:
		return UNIT_READY;
	default:
		return UNIT_REFUSAL;
	}
}

static const struct peer_wire wires[] = {
	{ "redis", 4000, redis_enter, say_nothing, redis_before, "\r\n", "",
	    redis_next },
	/* Lines of 512 bytes, with the talker's name and host. */
	{ "irc", 400, irc_enter, irc_follow, irc_before, "\r\n",
	    "PONG bench\r\n", irc_next },
	{ "nats", 4000, say_nothing, nats_follow, nats_before, "\r\n",
	    "PONG\r\n", nats_next },
	{ "mqtt", 4000, mqtt_enter, mqtt_follow, mqtt_before, "", "",
	    mqtt_next },
};

const struct peer_wire *
peer_wire_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(wires) / sizeof(wires[0]); i++)
		if (strcmp(wires[i].name, name) == 0)
			return &wires[i];
	return NULL;
}
