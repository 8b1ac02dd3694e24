/* SPDX-License-Identifier: ISC */
/*
 * Whatever happens in the midst of what: people who speak, come, go, move
 * and close their rooms at random, with slices of sending in between.  A
 * simple model says what each of them must have got, and what never.
 */
#include <stdlib.h>

#include "relay_clients.h"
#include "run_suite.h"

enum {
	PEOPLE = 500,			/* in the whole test */
	AT_ONCE = 150,
	ROOMS = 4,			/* the last one is the lobby */
	LOBBY = ROOMS - 1,
	LOBBY_LIMIT = 64,
	STEPS = 1200,
	STEP_MS = 50,			/* of the relay's clock */
	MOVE_GAP_MS = 1000,
};

struct person {
	struct client	 c;
	char		 name[8];
	const char	*dialect;
	unsigned	 room, life;	/* which, and the how manieth */
	unsigned	 said, quiet;	/* of these all were sent then */
	uint64_t	 moved_ms;
	uint8_t		 sock;
	bool		 here, registered;
};

static struct person people[PEOPLE];
static unsigned born, here;
static unsigned life[ROOMS];
/* What a person had missed when it came, and what it got of another. */
static unsigned base[PEOPLE][PEOPLE], next[PEOPLE][PEOPLE];
static uint64_t heard[2], said[2];	/* [true]: in the lobby */
static struct addr relay_too;
static uint64_t clock_now;
static bool closing;			/* a room says so */
static bool unread;			/* something waits in its sockets */

static const char *const room_name[ROOMS] = { "r0", "r1", "other", NULL };
static const char *const dialects[] = {
	"plain", "digits", "json-string", "json-port", "port-suffix",
};

static unsigned
any(unsigned n)
{
	return (unsigned)random() % n;
}

/* ---- the relay ---- */

static void
begin(void)
{
	static int fds[3];

	fx_open(&fx, 64, 400, LOBBY_LIMIT, 1);
	fds[0] = udp("127.0.0.1", &relay_at);
	fds[1] = udp("127.0.0.1", &relay_too);
	fds[2] = udp("127.0.0.1", &lobby_at);
	start.role = ROLE_RELAYD;
	start.limits = fx.lim;
	start.relay_count = 2;
	start.lobby_count = 1;
	start.relay[0] = relay_at;
	start.relay[1] = relay_too;
	start.lobby[0] = lobby_at;
	memcpy(start.token_key, fx_token_key, TOKEN_KEY);
	start.settings.bundle = bundle;
	relay_make(&relay, &start, &fx.relayd[0], fx.reader[0], fds);
	clock_now = clock_ms();
}

/* All that was sent is complete. */
static void
note_quiet(void)
{
	unsigned i;

	if (relay.queue.count == 0 && !unread)
		for (i = 0; i < born; i++)
			people[i].quiet = people[i].said;
}

static void
receive(void)
{
	relay_turn(&relay);
	relay.now_ms = clock_now;
	relay_receive(&relay, 0);
	relay_receive(&relay, 1);
	relay_receive_lobby(&relay, 0);
	relay_follow(&relay);
	unread = false;
}

/* ---- what they hear ---- */

/* The name of its sender precedes the words in the form of the receiver. */
static void
check_name(const struct person *to, const struct person *by, const char *got,
    size_t skip)
{
	const size_t len = strlen(by->name);
	char form[32];

	if (to->room == LOBBY || got[0] == (char)len)
		(void)snprintf(form, sizeof(form), "%c%.7s", (int)len,
		    by->name);
	else if (got[0] == '[')
		(void)snprintf(form, sizeof(form), "[%.7s]: ", by->name);
	else
		(void)snprintf(form, sizeof(form), "%.7s: ", by->name);
	ck_assert_msg(skip == strlen(form) &&
	    memcmp(got, form, skip) == 0, "\"%s\" named \"%.*s\"",
	    by->name, (int)skip, got);
}

static void
hear(unsigned to, const char *got)
{
	const char *words = strchr(got, '#');
	struct person *r = &people[to], *s;
	unsigned by, n;

	if (words == NULL) {
		ck_assert_msg(closing, "%u got \"%s\"", to, got);
		return;
	}
	ck_assert_int_eq(sscanf(words, "#%u %u", &by, &n), 2);
	ck_assert_uint_lt(by, born);
	s = &people[by];
	ck_assert_msg(by != to, "%u hears itself", by);
	ck_assert_uint_eq(s->room, r->room);
	ck_assert_uint_eq(s->life, r->life);
	check_name(r, s, got, (size_t)(words - got));
	/* Who is new may get what was said just before. */
	if (next[to][by] == 0) {
		ck_assert_uint_le(n, base[to][by] + 1);
		next[to][by] = n;
	}
	ck_assert_msg(n == next[to][by], "%u gets %u of %u instead of %u",
	    to, n, by, next[to][by]);
	next[to][by]++;
	heard[r->room == LOBBY]++;
}

/* Another program may still send to whoever had this port before. */
static bool
is_relay(const struct sockaddr_in *from)
{
	const uint16_t port = ntohs(from->sin_port);

	return port == relay_at.port || port == relay_too.port ||
	    port == lobby_at.port;
}

static void
listen_to(unsigned i)
{
	struct sockaddr_in from = { 0 };
	char got[DATAGRAM_MAX + 1];
	socklen_t len = sizeof(from);
	ssize_t n;

	while ((n = recvfrom(people[i].c.fd, got, sizeof(got) - 1, 0,
	    (struct sockaddr *)&from, &len)) > 0) {
		got[n] = '\0';
		if (is_relay(&from))
			hear(i, got);
		len = sizeof(from);
	}
}

static void
listen_all(void)
{
	unsigned i;

	for (i = 0; i < born; i++)
		if (people[i].c.fd != -1)
			listen_to(i);
}

/* It missed nothing that was sent while it was there. */
static void
check_complete(unsigned i)
{
	const struct person *r = &people[i], *s;
	unsigned by;

	for (by = 0; by < born; by++) {
		s = &people[by];
		if (by == i || s->room != r->room || s->life != r->life ||
		    s->quiet <= base[i][by])
			continue;
		ck_assert_msg(next[i][by] > s->quiet, "%u waits for %u of %u "
		    "by %u", i, next[i][by], s->quiet, by);
	}
}

/* ---- what they do ---- */

static void
new_socket(struct person *p)
{
	const int size = 4 << 20;
	struct client c = guest("127.0.0.1");

	(void)setsockopt(c.fd, SOL_SOCKET, SO_RCVBUFFORCE, &size,
	    sizeof(size));
	p->c.fd = c.fd;
	p->c.port = c.port;
}

static void
speak(struct person *p, const void *words, size_t len)
{
	uint8_t out[DATAGRAM_MAX];

	unread = true;
	if (p->room == LOBBY) {
		len = (size_t)snprintf((char *)out, sizeof(out), "%c%s%.*s",
		    (int)strlen(p->name), p->name, (int)len,
		    (const char *)words);
		leave_at(&p->c, &lobby_at, out, len);
		return;
	}
	leave_at(&p->c, p->sock == 0 ? &relay_at : &relay_too, out, put(out,
	    p->c.room, p->c.made.token, p->c.made.token_len, words, len));
}

static void
enter(struct person *p)
{
	const bool port = strcmp(p->dialect, "json-port") == 0 ||
	    any(3) == 0;
	struct member_new m;

	p->c.room = room_name[p->room];
	m = fx_member(p->name, p->dialect, "127.0.0.1", port ? p->c.port : 0);
	p->c.made = fx_enter(&fx, p->c.room, &m);
	p->registered = port;
	receive();
}

/* Two are large, and two have few members. */
static unsigned
some_room(void)
{
	const unsigned n = any(10);

	if (n > 7 || (n > 4 && relay.lobby.count == LOBBY_LIMIT))
		return 1 + n % 2;
	return n > 4 ? (unsigned)LOBBY : 0;
}

static void
come(void)
{
	const unsigned i = born;
	struct person *p = &people[i];
	unsigned k;

	if (here == AT_ONCE || born == PEOPLE)
		return;
	receive();
	memset(p, 0, sizeof(*p));
	(void)snprintf(p->name, sizeof(p->name), "p%u", i);
	p->dialect = dialects[any(sizeof(dialects) / sizeof(dialects[0]))];
	p->room = some_room();
	p->life = life[p->room];
	p->here = true;
	new_socket(p);
	born++;
	here++;
	for (k = 0; k < i; k++)
		base[i][k] = people[k].said;
	if (p->room != LOBBY)
		enter(p);
	speak(p, "", 0);
	receive();
	p->moved_ms = clock_now;
}

static void
say_some(struct person *p)
{
	const unsigned i = (unsigned)(p - people);
	unsigned n = any(8) == 0 ? 1 + any(40) : 1;
	char words[64];
	int len;

	for (; n > 0; n--) {
		len = snprintf(words, sizeof(words), "#%u %u%s", i, ++p->said,
		    any(3) == 0 ? " and some more words" : "");
		speak(p, words, (size_t)len);
		said[p->room == LOBBY]++;
	}
}

static void
is_gone(unsigned i)
{
	struct person *p = &people[i];

	listen_to(i);
	check_complete(i);
	(void)close(p->c.fd);
	p->c.fd = -1;
	p->here = false;
	here--;
}

static void
go(unsigned i)
{
	struct person *p = &people[i];
	int k;

	receive();
	if (p->room == LOBBY) {		/* it is thrown out */
		for (k = 0; k < LOBBY_STRIKES; k++)
			leave_at(&p->c, &lobby_at, "", 0);
		receive();
	} else {
		ck_assert_int_eq(roomtab_remove(fx.tab, p->c.made.slot,
		    p->c.made.gen, END_LEFT), 0);
		receive();
	}
	is_gone(i);
}

/* Another port, by itself or over TCP. */
static void
move(struct person *p)
{
	const int old = p->c.fd;
	const bool tcp = any(2) == 0;

	if (p->room == LOBBY || (!tcp && (p->registered ||
	    clock_now < p->moved_ms + MOVE_GAP_MS)))
		return;
	receive();
	listen_to((unsigned)(p - people));
	new_socket(p);
	if (tcp) {
		ck_assert_int_eq(roomtab_set_port(fx.tab, p->c.made.slot,
		    p->c.made.gen, p->c.port), 0);
		p->registered = true;
		receive();
	} else {
		p->moved_ms = clock_now;
		speak(p, "", 0);
		receive();
	}
	(void)close(old);
}

static void
change_form(struct person *p)
{
	const char *word = dialect_by_name(p->dialect)->enroll;

	if (p->room != LOBBY && word != NULL)
		speak(p, word, strlen(word));
	receive();
}

static void
close_one(unsigned room)
{
	unsigned i;

	if (roomtab_find(fx.tab, room_name[room], strlen(room_name[room])) ==
	    ROOMTAB_NONE)
		return;
	receive();
	fx_shut(&fx, room_name[room], END_OPERATOR);
	receive();
	for (i = 0; i < born; i++)
		if (people[i].here && people[i].room == room)
			people[i].quiet = people[i].said;
	closing = true;
	for (i = 0; i < born; i++)
		if (people[i].here && people[i].room == room)
			is_gone(i);
	closing = false;
	life[room]++;
}

static void
do_something(unsigned i)
{
	struct person *p = &people[i];
	const unsigned what = any(100);

	if (any(3) == 0)
		say_some(p);
	if (what < 50) {
		say_some(p);
	} else if (what < 66) {
		go(i);
	} else if (what < 72) {
		move(p);
	} else if (what < 76) {
		change_form(p);
	} else if (what < 80) {
		p->sock ^= 1;
		speak(p, "", 0);
		receive();
	} else if (what == 80) {
		if (p->room != LOBBY)
			close_one(p->room);
	} else {
		come();
	}
}

static void
send_some(unsigned slices)
{
	for (; slices > 0 && relay.queue.count > 0; slices--)
		deliver_some(&relay);
	note_quiet();
}

static void
check_counters(void)
{
	ck_assert_uint_eq(grown(LC_messages), said[false]);
	ck_assert_uint_eq(grown(LC_lobby_messages), said[true]);
	ck_assert_uint_eq(grown(LC_deliveries), heard[false]);
	ck_assert_uint_eq(grown(LC_lobby_deliveries), heard[true]);
	ck_assert_uint_eq(grown(LC_received), said[false] +
	    grown(LC_keepalives));
	ck_assert_uint_eq(relay.queue.copies + relay.queue.rooms +
	    relay.queue.talkers.count + relay.queue.busy_rooms.count, 0);
}

START_TEST(test_churn)
{
	unsigned step, i;

	bundle = _i == 0;
	begin();
	srandom(1);
	while (here < AT_ONCE / 2)
		come();
	for (step = 0; step < STEPS; step++) {
		clock_now += STEP_MS;
		if (here < AT_ONCE / 4)
			come();
		do
			i = any(born);
		while (!people[i].here);
		do_something(i);
		if (any(2) == 0)
			receive();
		send_some(relay.queue.count > 700 ? 200 : any(5));
		if (step % 8 == 0)
			listen_all();
	}
	receive();
	while (relay.queue.count > 0)
		send_some(1);
	note_quiet();
	listen_all();
	for (i = 0; i < born; i++)
		if (people[i].here)
			check_complete(i);
	check_counters();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("churn");
	TCase *tc = tcase_create("with and without bundles");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_loop_test(tc, test_churn, 0, 2);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
