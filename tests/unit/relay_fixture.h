/* SPDX-License-Identifier: ISC */
/*
 * For the tests of relayd: a shared segment whose rooms the test writes as
 * roomd does, and which relayd's modules read as relayd does.
 */
#ifndef OCM_RELAY_FIXTURE_H
#define OCM_RELAY_FIXTURE_H

#include <arpa/inet.h>
#include <check.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "seg.h"

static const uint8_t fx_bucket_key[ROOMTAB_HASH_KEY] = "bucket key 0123";
static const uint8_t fx_token_key[TOKEN_KEY] = "token key 01234";

struct fixture {
	struct seg_limits lim;
	char		 sem[64];
	int		 rw, ro;
	struct seg_maps	 roomd, relayd[2];
	struct shmlock	*roomd_lock, *relayd_lock[2], *ocmd_lock;
	struct roomtab	*tab;			/* the writer */
	struct roomtab	*reader[2];
};

static void
fx_open(struct fixture *fx, uint32_t rooms, uint32_t members, uint32_t lobby,
    uint32_t workers)
{
	uint32_t k;

	ck_assert_int_ge(sodium_init(), 0);
	memset(fx, 0, sizeof(*fx));
	fx->lim.table.rooms = rooms;
	fx->lim.table.members = members;
	fx->lim.lobby = lobby;
	fx->lim.workers = workers;
	(void)snprintf(fx->sem, sizeof(fx->sem), "/ocm-check-%d",
	    (int)getpid());
	ck_assert_int_eq(seg_create(&fx->lim, fx->sem, &fx->rw, &fx->ro), 0);
	ck_assert_int_eq(seg_map(&fx->lim, fx->rw, fx->ro, ROLE_ROOMD, 0,
	    &fx->roomd), 0);
	fx->ocmd_lock = shmlock_open(fx->roomd.control, fx->sem, -1);
	fx->roomd_lock = shmlock_open(fx->roomd.control, fx->sem, 0);
	fx->tab = roomtab_open(fx->roomd.rooms, &fx->lim.table,
	    fx->roomd_lock, fx_bucket_key, fx_token_key);
	ck_assert_ptr_nonnull(fx->tab);
	for (k = 0; k < workers && k < 2; k++) {
		ck_assert_int_eq(seg_map(&fx->lim, fx->rw, fx->ro,
		    ROLE_RELAYD, k, &fx->relayd[k]), 0);
		fx->relayd_lock[k] = shmlock_open(fx->relayd[k].control,
		    fx->sem, 1 + (int)k);
		fx->reader[k] = roomtab_open_reader(fx->relayd[k].rooms,
		    &fx->lim.table, fx->relayd_lock[k]);
		ck_assert_ptr_nonnull(fx->reader[k]);
	}
}

static void
fx_close(struct fixture *fx)
{
	shmlock_unlink(fx->sem);
	(void)close(fx->rw);
	(void)close(fx->ro);
}

/* "127.0.0.1" or "::1", and a UDP port or 0. */
static struct addr
fx_addr(const char *host, uint16_t port)
{
	char text[ADDR_TEXT];
	struct addr a;

	(void)snprintf(text, sizeof(text), strchr(host, ':') != NULL ?
	    "[%s]:%u" : "%s:%u", host, port != 0 ? port : 1u);
	ck_assert_int_eq(addr_parse(&a, text, 0), 0);
	a.port = port;
	return a;
}

static struct member_new
fx_member(const char *name, const char *dialect, const char *host,
    uint16_t port)
{
	const struct dialect *row = dialect_by_name(dialect);
	struct member_new m;

	ck_assert_ptr_nonnull(row);
	memset(&m, 0, sizeof(m));
	m.name = name;
	m.name_len = strlen(name);
	m.addr = fx_addr(host, port);
	m.dialect = (uint8_t)dialect_id(row);
	m.short_token = (row->flags & DIALECT_SHORT_TOKEN) != 0;
	m.now_ms = clock_ms();
	return m;
}

/* Creates the room, or joins it where it exists. */
static struct member_made
fx_enter(struct fixture *fx, const char *room, const struct member_new *m)
{
	struct member_made made;
	enum status st;
	uint32_t r;

	r = roomtab_find(fx->tab, room, strlen(room));
	if (r == ROOMTAB_NONE)
		st = roomtab_create(fx->tab, room, strlen(room), NULL, m,
		    &made, NULL, 0);
	else
		st = roomtab_join(fx->tab, r, fx->lim.table.members, m, &made);
	ck_assert_int_eq(st, ST_OK);
	return made;
}

static inline void
fx_shut(struct fixture *fx, const char *room, enum ending why)
{
	struct room_info info;
	uint32_t r = roomtab_find(fx->tab, room, strlen(room));

	ck_assert(roomtab_room(fx->tab, r, &info));
	ck_assert_int_eq(roomtab_close(fx->tab, r, info.gen, why), 0);
	while (roomtab_reap(fx->tab))
		;
}

#endif
