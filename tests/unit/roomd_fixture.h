/* SPDX-License-Identifier: ISC */
/*
 * A roomd without its sockets and siblings: the real table in anonymous
 * memory, one live region that the test writes as a relayd would, and a note
 * of every event.  Included by check_rooms.c and check_session.c.
 */
#ifndef ROOMD_FIXTURE_H
#define ROOMD_FIXTURE_H

#include <sys/mman.h>

#include <check.h>
#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "../../common/log.h"
#include "../../roomd/rooms.h"
#include "../../roomd/wishes.h"

/* A test may need more. */
#ifndef FX_MEMBERS
#define FX_MEMBERS 64
#endif
enum { ROOMS = 8, MEMBERS = FX_MEMBERS };

static const struct seg_limits limits = { { ROOMS, MEMBERS }, 4, 1 };
static const uint8_t bucket_key[ROOMTAB_HASH_KEY] = "bucket key 0123";
static const uint8_t token_key[TOKEN_KEY] = "token key 01234";

static struct {
	struct shmlock_area	*lock_area;
	struct shmlock		*lock;
	void			*area, *live_area;
	struct roomtab		*tab;
	struct live		*live[1];
	struct ctl_settings	 set;
	struct rooms		*rooms;
	struct wishes		*wishes;
	/* what was told */
	unsigned		 changed, joined, left, closed;
	unsigned		 invites;	/* at the last change */
	bool			 lawless;	/* the rules are broken */
	enum ending		 left_why, closed_why;
	char			 left_name[NAME_MAX_BYTES + 1];
} fx;

static void *
fx_map(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert(p != MAP_FAILED);
	return p;
}

static void
fx_settings(void)
{
	fx.set.idle_s = 300;
	fx.set.max_payload = TCRP_PAYLOAD_MAX;
	fx.set.max_room_members = MEMBERS;
	fx.set.request_timeout_ms = 5000;
	fx.set.half_open = 1024;
	fx.set.half_open_source = 64;
	fx.set.dialects = UINT32_MAX;
	fx.set.notices = 1;
}

static void
fx_no_log(const char *line)
{
	(void)line;
}

/* The table alone; rooms.c is opened with what events the test wants. */
static void
fx_table(void)
{
	const struct live_limits ll = seg_live_limits(&limits);

	ck_assert_int_ge(sodium_init(), 0);
	memset(&fx, 0, sizeof(fx));
	log_set_sink(fx_no_log);
	fx_settings();
	fx.lock_area = fx_map(shmlock_area_size());
	ck_assert_int_eq(shmlock_format(fx.lock_area, "/ocm-check-r"), 0);
	fx.lock = shmlock_open(fx.lock_area, "/ocm-check-r", 0);
	fx.area = fx_map(roomtab_size(&limits.table));
	roomtab_format(fx.area, &limits.table);
	fx.tab = roomtab_open(fx.area, &limits.table, fx.lock, bucket_key,
	    token_key);
	fx.live_area = fx_map(live_size(&ll));
	fx.live[0] = live_open(fx.live_area, &ll);
	ck_assert_ptr_nonnull(fx.tab);
	ck_assert_ptr_nonnull(fx.live[0]);
}

static void
fx_rooms(const struct rooms_events *events)
{
	struct rooms_setup set = {
		.table = fx.tab,
		.limits = limits,
		.live = fx.live,
		.settings = &fx.set,
		.password_key = "a key for passwords",
		.events = *events,
	};

	fx.rooms = rooms_new(&set);
	fx.wishes = wishes_new(fx.rooms);
	ck_assert_ptr_nonnull(fx.rooms);
	ck_assert_ptr_nonnull(fx.wishes);
}

static void
fx_free(void)
{
	const struct live_limits ll = seg_live_limits(&limits);

	ck_assert_int_eq(roomtab_recover(fx.tab), 0);	/* it is whole */
	wishes_free(fx.wishes);
	rooms_free(fx.rooms);
	roomtab_close_handle(fx.tab);
	live_close(fx.live[0]);
	shmlock_close(fx.lock);
	shmlock_unlink("/ocm-check-r");
	munmap(fx.area, roomtab_size(&limits.table));
	munmap(fx.live_area, live_size(&ll));
	munmap(fx.lock_area, shmlock_area_size());
}

static struct addr
fx_addr(const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(&a, text, 4000), 0);
	return a;
}

static inline uint64_t
fx_counter(enum room_counter which)
{
	return roomtab_counter(fx.tab, which);
}

static uint32_t
fx_room(const char *name)
{
	return roomtab_find(fx.tab, name, strlen(name));
}

static bool
fx_member(const char *room, const char *name, struct member_info *m)
{
	return roomtab_member(fx.tab, roomtab_find_member(fx.tab,
	    fx_room(room), name, strlen(name)), m);
}

#endif
