/* SPDX-License-Identifier: ISC */
/*
 * What the value of each setting means: the table of all settings, and one
 * function per kind of value.  conf.c, which knows where values come from,
 * is the only caller.
 */
#include <assert.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf_value.h"
#include "dialect.h"
#include "net.h"

int
setting_refuse(char why[CONF_ERROR], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, CONF_ERROR, fmt, ap);
	va_end(ap);
	return -1;
}

static int
take_addrs(const struct setting *s, void *field, const char *const *values,
    unsigned n, char why[CONF_ERROR])
{
	struct conf_addrs *list = field;
	unsigned i;

	if (n < s->min)
		return setting_refuse(why, "needs at least one address, such "
		    "as \"127.0.0.1:%u\"", s->max);
	if (n > OCM_ADDRS_MAX)
		return setting_refuse(why, "takes at most %d addresses",
		    OCM_ADDRS_MAX);
	memset(list, 0, sizeof(*list));
	for (i = 0; i < n; i++)
		if (addr_parse(&list->addr[i], values[i],
		    (uint16_t)s->max) == -1)
			return setting_refuse(why, "\"%s\" is not a numeric "
			    "address such as \"127.0.0.1:%u\" or "
			    "\"[::1]:%u\"", values[i], s->max, s->max);
	list->count = n;
	return 0;
}

static int
number(const struct setting *s, const char *value, uint32_t *out,
    const char *also, char why[CONF_ERROR])
{
	const char *error;
	long long n = strtonum(value, s->min, s->max, &error);

	/* strtonum takes leading blanks and a sign; we do not. */
	if (error != NULL || value[0] < '0' || value[0] > '9')
		return setting_refuse(why, "\"%s\" is not a number from %u "
		    "to %u%s", value, s->min, s->max, also);
	*out = (uint32_t)n;
	return 0;
}

static int
take_number(const struct setting *s, void *field, const char *const *values,
    unsigned n, char why[CONF_ERROR])
{
	(void)n;
	return number(s, values[0], field, "", why);
}

static int
take_seconds(const struct setting *s, void *field, const char *const *values,
    unsigned n, char why[CONF_ERROR])
{
	uint32_t *ms = field;

	(void)n;
	if (number(s, values[0], ms, " (seconds)", why) == -1)
		return -1;
	*ms *= 1000;
	return 0;
}

static int
take_workers(const struct setting *s, void *field, const char *const *values,
    unsigned n, char why[CONF_ERROR])
{
	uint32_t *workers = field;
	long cores;

	(void)n;
	if (strcmp(values[0], "auto") != 0)
		return number(s, values[0], workers, " or \"auto\"", why);
	cores = net_can_share_port() ? sysconf(_SC_NPROCESSORS_ONLN) : 1;
	*workers = cores < 1 ? 1 : cores > OCM_WORKERS_MAX ?
	    OCM_WORKERS_MAX : (uint32_t)cores;
	return 0;
}

/* "auto" is 0, and known once the machine is: see buffers.h. */
static int
take_buffer(const struct setting *s, void *field, const char *const *values,
    unsigned n, char why[CONF_ERROR])
{
	uint32_t *kib = field;

	(void)n;
	if (strcmp(values[0], "auto") != 0)
		return number(s, values[0], kib, " (KiB) or \"auto\"", why);
	*kib = 0;
	return 0;
}

static int
choose(const char *value, const char *no, const char *yes, uint8_t *out,
    char why[CONF_ERROR])
{
	if (strcmp(value, no) != 0 && strcmp(value, yes) != 0)
		return setting_refuse(why, "\"%s\" is neither \"%s\" nor "
		    "\"%s\"", value, yes, no);
	*out = strcmp(value, yes) == 0;
	return 0;
}

static int
take_flag(const struct setting *s, void *field, const char *const *values,
    unsigned n, char why[CONF_ERROR])
{
	(void)s;
	(void)n;
	return choose(values[0], "false", "true", field, why);
}

static int
take_format(const struct setting *s, void *field, const char *const *values,
    unsigned n, char why[CONF_ERROR])
{
	(void)s;
	(void)n;
	return choose(values[0], "sender", "message", field, why);
}

static int
take_path(const struct setting *s, void *field, const char *const *values,
    unsigned n, char why[CONF_ERROR])
{
	(void)n;
	if (values[0][0] != '/' && values[0][0] != '\0')
		return setting_refuse(why, "\"%s\" is not an absolute path",
		    values[0]);
	memset(field, 0, s->size);
	if (strlcpy(field, values[0], s->size) >= s->size)
		return setting_refuse(why, "the path is longer than %zu bytes",
		    s->size - 1);
	return 0;
}

static int
take_log(const struct setting *s, void *field, const char *const *values,
    unsigned n, char why[CONF_ERROR])
{
	if (strcmp(values[0], "syslog") == 0 ||
	    strcmp(values[0], "stderr") == 0) {
		memset(field, 0, s->size);
		(void)strlcpy(field, values[0], s->size);
		return 0;
	}
	if (take_path(s, field, values, n, why) == 0)
		return 0;
	return setting_refuse(why, "\"%s\" is neither \"syslog\" nor "
	    "\"stderr\" nor an absolute path of less than %zu bytes",
	    values[0], s->size);
}

static int
take_user(const struct setting *s, void *field, const char *const *values,
    unsigned n, char why[CONF_ERROR])
{
	size_t len = strlen(values[0]);

	(void)n;
	if (len == 0 || len >= s->size || values[0][0] == '-' ||
	    strspn(values[0], "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != len)
		return setting_refuse(why, "\"%s\" is not a user's name",
		    values[0]);
	memset(field, 0, s->size);
	(void)strlcpy(field, values[0], s->size);
	return 0;
}

static int
take_dialects(const struct setting *s, void *field,
    const char *const *values, unsigned n, char why[CONF_ERROR])
{
	const struct dialect *d;
	uint32_t mask = 0;
	unsigned i;

	(void)s;
	for (i = 0; i < n; i++) {
		if (strcmp(values[i], "all") == 0)
			mask = UINT32_MAX;
		else if ((d = dialect_by_name(values[i])) != NULL)
			mask |= UINT32_C(1) << dialect_id(d);
		else {
			(void)setting_refuse(why, "\"%s\" is not a dialect; "
			    "they are all", values[i]);
			for (i = 0; i < dialect_count(); i++) {
				(void)strlcat(why, ", ", CONF_ERROR);
				(void)strlcat(why, dialect_row(i)->name,
				    CONF_ERROR);
			}
			return -1;
		}
	}
	if (mask == 0)
		return setting_refuse(why, "needs at least one dialect, or "
		    "\"all\"");
	memcpy(field, &mask, sizeof(mask));
	return 0;
}

const struct setting settings[] = {
#define FIELD(f) offsetof(struct conf, f), sizeof(((struct conf *)NULL)->f)
	{ "rooms", "127.0.0.1:9001", take_addrs, FIELD(rooms),
	    1, WIRE_TCP_PORT, SETTING_LIST },
	{ "relay", "127.0.0.1:9002", take_addrs, FIELD(relay),
	    1, WIRE_RELAY_PORT, SETTING_LIST },
	{ "lobby", "127.0.0.1:9001", take_addrs, FIELD(lobby),
	    0, WIRE_LOBBY_PORT, SETTING_LIST },
	{ "control", "", take_path, FIELD(control), 0, 0, 0 },
	{ "log", "", take_log, FIELD(log), 0, 0, 0 },
	{ "user-room", "_ocmroom", take_user, FIELD(user_room), 0, 0, 0 },
	{ "user-relay", "_ocmrelay", take_user, FIELD(user_relay), 0, 0, 0 },
	{ "workers", "1", take_workers, FIELD(workers),
	    1, OCM_WORKERS_MAX, 0 },
	{ "max-rooms", "4096", take_number, FIELD(max_rooms),
	    1, 1048576, 0 },
	{ "max-members", "65536", take_number, FIELD(max_members),
	    1, 8388608, 0 },
	{ "max-lobby", "4096", take_number, FIELD(max_lobby),
	    1, 1048576, 0 },
	{ "socket-buffer", "auto", take_buffer, FIELD(socket_buffer),
	    16, 524288, 0 },
	{ "restart-limit", "10", take_number, FIELD(restart_limit),
	    0, 1000000, SETTING_LIVE },
	{ "hang-limit", "2", take_number, FIELD(hang_limit),
	    0, 3600, SETTING_LIVE },
	{ "max-room-members", "65536", take_number,
	    FIELD(settings.max_room_members), 1, 8388608, SETTING_LIVE },
	{ "max-payload", "4096", take_number, FIELD(settings.max_payload),
	    256, TCRP_PAYLOAD_MAX, SETTING_LIVE },
	{ "idle", "300", take_number, FIELD(settings.idle_s),
	    0, 604800, SETTING_LIVE },
	{ "request-timeout", "5", take_seconds,
	    FIELD(settings.request_timeout_ms), 1, 3600, SETTING_LIVE },
	{ "half-open", "1024", take_number, FIELD(settings.half_open),
	    1, 65536, SETTING_LIVE },
	{ "half-open-per-source", "64", take_number,
	    FIELD(settings.half_open_source), 1, 65536, SETTING_LIVE },
	{ "join-rate", "100", take_number, FIELD(settings.join_rate),
	    0, 1000000, SETTING_LIVE },
	{ "join-burst", "2000", take_number, FIELD(settings.join_burst),
	    1, 1000000, SETTING_LIVE },
	{ "member-rate", "0", take_number, FIELD(settings.member_rate),
	    0, 1000000, SETTING_LIVE },
	{ "member-burst", "20", take_number, FIELD(settings.member_burst),
	    1, 1000000, SETTING_LIVE },
	{ "dialects", "all", take_dialects, FIELD(settings.dialects),
	    0, 0, SETTING_LIVE | SETTING_LIST },
	{ "format", "sender", take_format, FIELD(settings.message_only),
	    0, 0, SETTING_LIVE },
	{ "notices", "true", take_flag, FIELD(settings.notices),
	    0, 0, SETTING_LIVE },
	{ "bundle", "true", take_flag, FIELD(settings.bundle), 0, 0, 0 },
#undef FIELD
};
const unsigned settings_count = sizeof(settings) / sizeof(settings[0]);
static_assert(sizeof(settings) / sizeof(settings[0]) <= SETTINGS_MAX,
    "conf.c makes an array of this size");


const struct setting *
setting_find(const char *name, size_t len)
{
	unsigned i;

	for (i = 0; i < settings_count; i++)
		if (strlen(settings[i].name) == len &&
		    memcmp(settings[i].name, name, len) == 0)
			return &settings[i];
	return NULL;
}

int
setting_take(struct conf *c, const struct setting *s,
    const char *const *values, unsigned n, char why[CONF_ERROR])
{
	if (n == 0 && (s->flags & SETTING_LIST) == 0)
		return setting_refuse(why, "needs a value");
	return s->take(s, (char *)c + s->offset, values, n, why);
}
