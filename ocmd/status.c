/* SPDX-License-Identifier: ISC */
/* The status as JSON (see status.h). */
#include <unistd.h>

#include "clock.h"
#include "sandbox.h"
#include "server.h"
#include "status.h"

json_t *
status_append(json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) == 0)
		return array;
	json_decref(array);
	return NULL;
}

static json_t *
addresses(const struct conf_addrs *list)
{
	json_t *array = json_array();
	char text[ADDR_TEXT];
	uint32_t i;

	for (i = 0; i < list->count; i++)
		array = status_append(array,
		    json_string(addr_format(&list->addr[i], text)));
	return array;
}

static json_t *
layer_names(uint32_t layers)
{
	json_t *array = json_array();
	unsigned bit;

	for (bit = 0; bit < LAYER_COUNT; bit++)
		if ((layers >> bit & 1) != 0)
			array = status_append(array,
			    json_string(sandbox_layer_name(bit)));
	return array;
}

static json_int_t
seconds_since(uint64_t ms)
{
	return (json_int_t)((clock_ms() - ms) / 1000);
}

static json_t *
describe_ocmd(const struct server *s)
{
	return json_pack("{s:s, s:I, s:I, s:i, s:I, s:o}",
	    "role", role_name(ROLE_OCMD),
	    "pid", (json_int_t)getpid(),
	    "uid", (json_int_t)geteuid(),
	    "restarts", 0,
	    "uptime", seconds_since(s->born_ms),
	    "sandbox", layer_names(s->layers));
}

static json_t *
describe_child(const struct child *c)
{
	bool lives = c->pid > 0;
	json_t *o = json_pack("{s:s, s:I, s:I, s:I, s:I, s:o, s:b}",
	    "role", role_name(c->role),
	    "pid", (json_int_t)c->pid,
	    "uid", (json_int_t)c->uid,
	    "restarts", (json_int_t)c->restarts,
	    "uptime", lives ? seconds_since(c->born_ms) : 0,
	    "sandbox", layer_names(lives ? c->layers : 0),
	    "ready", c->state == CHILD_READY);

	if (c->role != ROLE_RELAYD ||
	    json_object_set_new(o, "index", json_integer(c->index)) == 0)
		return o;
	json_decref(o);
	return NULL;
}

/* In KiB: of the socket that has least, and what was asked for. */
static json_t *
describe_buffers(const struct buffers *b)
{
	return json_pack("{s:I, s:I, s:I, s:I}",
	    "receive", (json_int_t)(b->have[NET_RECEIVE] / 1024),
	    "receive_wanted", (json_int_t)(b->want[NET_RECEIVE] / 1024),
	    "send", (json_int_t)(b->have[NET_SEND] / 1024),
	    "send_wanted", (json_int_t)(b->want[NET_SEND] / 1024));
}

json_t *
status_json(const struct server *s)
{
	json_t *processes = json_array();
	unsigned i;

	processes = status_append(processes, describe_ocmd(s));
	for (i = 0; i < s->children; i++)
		processes = status_append(processes,
		    describe_child(&s->child[i]));
	return json_pack("{s:s, s:I, s:I, s:s, s:s, s:o, s:o, s:o, s:o, s:n,"
	    " s:n, s:o}",
	    "version", OCM_VERSION,
	    "uptime", seconds_since(s->born_ms),
	    "pid", (json_int_t)getpid(),
	    "control", s->control_path,
	    "log", s->log_path,
	    "rooms", addresses(&s->sockets.rooms),
	    "relay", addresses(&s->sockets.relay),
	    "lobby", addresses(&s->sockets.lobby),
	    "buffers", describe_buffers(&s->sockets.buffers),
	    "members", "open_rooms",
	    "processes", processes);
}
